// From the uploaded frame to a network's input in one compute pass.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "gpu/command_list.hpp"
#include "vision/network_input.hpp"
#include "vision/types.hpp"

namespace tarsier::vision {

enum class ColourOrder : uint8_t { kRgb, kBgr };

/// What a network wants at its input: value = (pixel - mean[c]) * scale[c], c in the network's channel order,
/// pixel in 0..255.
struct PreprocessDesc {
  FitMode fit = FitMode::kStretch;
  ColourOrder order = ColourOrder::kRgb;
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> scale{1, 1, 1};
  float pad = 114;  // pixel value around a letterboxed frame
};

/// Where a frame lands in a network's input, pixels of that input.
struct Placement {
  int x = 0, y = 0, width = 0, height = 0;
  Fit fit;
};
/// kStretch: the whole input. kLetterboxTopLeft: YOLOX's preparation, r = min(W/w, H/h), size truncated, Fit
/// by r. kLetterboxCentre: Ultralytics' preparation, size rounded, borders split evenly (the odd pixel goes
/// right and down). Sizes in pixels, all at least 1.
Placement place_frame(FitMode mode, int frame_width, int frame_height, int input_width, int input_height);

/// The resize repeats cv::resize(INTER_LINEAR) on 8-bit images bit for bit (OpenCV's fixed point: weights of
/// 11 bits, result rounded to 8 bits, half-pixel centres), because published references prepare their frames
/// with it. Shrinking by more than two aliases as it does there. On devices whose division is not correctly
/// rounded a weight may differ by 1/2048.
class Preprocess {
 public:
  /// `destination` is the network's input: 3 channels, [1,3,H,W] linear or C4, or [1,H,W,3] linear.
  static Result<Preprocess> create(gpu::Device& device, const PreprocessDesc& desc,
                                   const TensorRef& destination);
  /// Records one dispatch, no barrier: the frame (packed B8 G8 R8 A8 words, row-major, no row padding, 4-byte
  /// aligned) must be visible to compute, and the network's plan waits for compute writes itself.
  void record(gpu::CommandList& commands, uint64_t frame_address, int frame_width, int frame_height) const;
  [[nodiscard]] Fit fit(int frame_width, int frame_height) const;
  [[nodiscard]] int input_width() const { return input_.view.width; }
  [[nodiscard]] int input_height() const { return input_.view.height; }

 private:
  PreprocessDesc desc_;
  NetworkInput input_;
};

/// CPU reference of the pass: the network's input, row-major in [1,3,H,W] (or [1,H,W,3]), from packed BGRA
/// pixels.
std::vector<float> preprocess_reference(const PreprocessDesc& desc, std::span<const uint32_t> frame,
                                        int frame_width, int frame_height, int input_width, int input_height,
                                        bool channels_last);

}  // namespace tarsier::vision
