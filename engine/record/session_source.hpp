// Plays a session's frames as a source: the same pictures in the same order with the same times, whatever
// the run left out or sought between.
#pragma once

#include <memory>
#include <string>

#include "capture/frame_source.hpp"
#include "record/session.hpp"

namespace tarsier::record {

/// Frames are counted as in the session: Frame::position is the place there, Frame::id that of the run. The
/// session outlives the source. `moved`: Session::pictures(). Errors: of that, and of capture::open_source().
Result<std::unique_ptr<capture::FrameSource>> open_session(const Session& session,
                                                           const std::string& moved = "");

}  // namespace tarsier::record
