// Marks round the boxes that only one of two sides has, found on the device: for the picture of the very
// frame that they are of.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "gpu/frame_context.hpp"
#include "vision/box_match.hpp"

namespace tarsier::present {

class BoxMarks {
 public:
  BoxMarks() = default;
  /// `classes` as of vision::match_boxes.
  static Result<BoxMarks> create(gpu::Device& device, std::span<const int32_t> classes);

  /// Boxes above the score of one side: a vision::DetectionHeader and what follows.
  struct Boxes {
    const gpu::Buffer* buffer = nullptr;
    float least_score = 0;
  };
  /// For pictures of this size. Starts by waiting for compute writes; what it makes is for SceneRenderer.
  void record(gpu::CommandList& commands, const Boxes& first, const Boxes& second, uint32_t width,
              uint32_t height) const;
  /// For SceneInputs::marks.
  [[nodiscard]] const gpu::Buffer& of_first() const { return marks_[0]; }
  [[nodiscard]] const gpu::Buffer& of_second() const { return marks_[1]; }

 private:
  const gpu::ComputePipeline* pipeline_ = nullptr;
  gpu::Buffer classes_;
  uint32_t class_count_ = 0;
  std::array<gpu::Buffer, 2> marks_;
};

}  // namespace tarsier::present
