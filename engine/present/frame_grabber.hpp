// Pictures from the device to the host for a video or a screenshot: copied frames later, never waited for,
// counted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "gpu/frame_context.hpp"
#include "gpu/image.hpp"

namespace tarsier::present {

/// A picture in host memory. Its bytes go back to the ring when the last owner lets go; any thread may.
struct HostPicture {
  uint32_t width = 0, height = 0;
  bool rgba = false;                // false: B, G, R, A
  std::span<const uint8_t> pixels;  // width * height * 4, rows packed
};

class FrameGrabber {
 public:
  /// `depth` pictures may be on their way or in use at a time: frames in flight + what the consumer queues.
  FrameGrabber(gpu::Device& device, uint32_t depth);
  ~FrameGrabber();
  FrameGrabber(const FrameGrabber&) = delete;
  FrameGrabber& operator=(const FrameGrabber&) = delete;

  using Callback = std::function<void(std::shared_ptr<const HostPicture>)>;
  /// Records a copy of `image`, which is in `use` before and after; `done` runs on the frame's thread when
  /// the device has finished the frame. False: all `depth` pictures are taken (the consumer is slow), nothing
  /// was recorded.
  Result<bool> grab(gpu::FrameContext& frame, const gpu::Image& image, gpu::ImageUse use, Callback done);
  /// Pictures that grab() could take right now.
  [[nodiscard]] uint32_t free() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with pictures still in use
};

/// A PNG file of a picture, alpha dropped; written atomically. Error (kInput): can't be written.
Status write_png(const std::string& path, const HostPicture& picture);

}  // namespace tarsier::present
