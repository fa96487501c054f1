// A picture that a network made, small, brought to the frame's resolution by a fast guided filter (He & Sun
// 2015): around each point every channel is a linear function of the frame's own, so that what is fine in the
// frame stays.
#pragma once

#include "vision/matte.hpp"
#include "vision/preprocess.hpp"

namespace tarsier::vision {

/// For frames of one size.
class GuidedPicture {
 public:
  /// `source`: three channels, values and their order as at the network's input, which `desc` describes.
  /// Errors (kInput): another shape.
  static Result<GuidedPicture> create(gpu::Device& device, int width, int height, const PreprocessDesc& desc,
                                      const TensorRef& source);
  /// Fits the functions to a frame that the network has just seen. `frame`: address of its B, G, R, A bytes;
  /// `fit`: where it lies in the network's picture; `follow`: how much of the new functions is taken, 0..1;
  /// the first time all. Starts by waiting for compute.
  void fit(gpu::CommandList& commands, uint64_t frame, const Fit& fit, float follow);
  /// Applies them to this frame or a later one. `strength` 0..1: how much of the frame gives way. Ends by
  /// making result() visible to compute and transfers.
  void apply(gpu::CommandList& commands, uint64_t frame, float strength) const;
  [[nodiscard]] const CellGrid& grid() const { return grid_; }
  /// Of the network's picture.
  [[nodiscard]] int width() const { return source_.width; }
  [[nodiscard]] int height() const { return source_.height; }
  /// B, G, R, A bytes of the frame's size.
  [[nodiscard]] const gpu::Buffer& result() const { return result_; }

 private:
  CellGrid grid_;
  PreprocessDesc desc_;
  ChannelView source_;
  const gpu::ComputePipeline *reduce_ = nullptr, *fit_ = nullptr, *average_ = nullptr, *apply_ = nullptr;
  gpu::Buffer cells_, fitted_, averaged_, result_;
  bool started_ = false;
};

}  // namespace tarsier::vision
