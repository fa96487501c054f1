// Large data that the host hands over anew with each frame: the captured picture.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "gpu/frame_context.hpp"

namespace tarsier::gpu {

/// As many buffers as there are frames in flight, taken in turn: when one's turn comes, every pass that read
/// it is done, because FrameRing::begin() has waited for it. Single thread; outlived by the device.
class UploadRing {
 public:
  enum class Way {
    kDirect,  // the host writes where the passes read; for devices of unified memory
    kCopy     // the host writes into the frame's staging area, the device copies
  };
  [[nodiscard]] static Way best_way(const Device& device);

  UploadRing(Device& device, uint32_t frames_in_flight, std::string name, Way way);
  /// Records what it takes (a span of the ring's name where the device copies). Passes of this frame read the
  /// bytes after it, and passes of later frames until `frames_in_flight` more have been written. Fails where
  /// memory, or the frame's staging area, is too small.
  Result<const Buffer*> write(FrameContext& frame, std::span<const std::byte> bytes);

 private:
  Device* device_;
  std::string name_;
  Way way_;
  std::vector<Buffer> buffers_;
  size_t at_ = 0;             // the latest buffer written
  uint64_t written_for_ = 0;  // timeline value of its frame
};

}  // namespace tarsier::gpu
