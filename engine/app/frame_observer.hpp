// Looks on while the frame loop works.
#pragma once

#include "capture/frame_source.hpp"
#include "core/param.hpp"
#include "pipeline/frame_result.hpp"

namespace tarsier::app {

/// Called by the loop's thread.
class FrameObserver {
 public:
  virtual ~FrameObserver() = default;
  /// Whether results are to be read back for it.
  [[nodiscard]] virtual bool wants_results() const = 0;
  /// Whether what every layer makes is to be digested for it, too (FrameResult::runs).
  [[nodiscard]] virtual bool wants_layers() const { return false; }
  /// The stages take this frame next, with the parameters of now.
  virtual void frame(const capture::Frame& frame, const Params& params) = 0;
  /// They take the same picture once more, for a paused window.
  virtual void redrawn(const Params& /*params*/) {}
  /// Of the frames in their order, where results were read back.
  virtual void result(const pipeline::FrameResult& result, const pipeline::LabelSets& labels) = 0;
};

}  // namespace tarsier::app
