// Copies of sessions: some of their frames, or with the pictures that they only refer to.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "record/session.hpp"

namespace tarsier::record {

struct SessionCopy {
  std::filesystem::path target;  // a new folder, or a video
  uint64_t first = 0;
  std::optional<uint64_t> last;  // the session's where not given
  std::string source;            // where its clip is now; "": where it was
  bool with_pictures = false;    // those go along, lossless; else the copy refers to what the session does
};

/// The number of frames written. A copy that does not begin with the first frame begins in mid-run. A target
/// with a video's extension gets the pictures alone, as VideoWriter writes them. Errors (kInput): frames that
/// are not there, a target that is; and those of reading and writing.
Result<uint64_t> copy_session(const Session& session, const SessionCopy& copy);

}  // namespace tarsier::record
