// The device side of Conv and ConvTranspose: one emit function a shader. conv.cpp picks.
#pragma once

#include "kernels/conv_geometry.hpp"
#include "kernels/post_ops.hpp"
#include "kernels/tiles.hpp"

namespace tarsier::kernels {

/// How a shader reads activations (shaders/include/conv.glsl).
enum class Storage : uint32_t {
  kF32 = 0,
  kF16 = 1,
  /// fp16 unpacked by integer shifts: quicker on the software device, but Inf and NaN become finite.
  kF16Shift = 2
};

/// What every emit function is given.
struct ConvContext {
  Emitter& emitter;
  const ConvGeometry& geometry;
  /// Row-major host data; empty bias is zero. Not set (empty weights) where the weights are computed at run
  /// time: only emit_conv_generic works then.
  std::vector<float> weights, bias;
  Operand input, output;

  [[nodiscard]] Storage input_storage() const;
  [[nodiscard]] uint32_t output_half() const { return half_flag(*output.value); }
  /// Specialisation constant: whether the output's padding channels have to be zeroed.
  [[nodiscard]] uint32_t mask_flag() const;
  /// Specialisation constant kStoreOnce.
  [[nodiscard]] uint32_t store_once() const { return emitter.device().software ? 0 : 1; }
};

/// Uploads what the fast shaders read once an invocation, as `ConvTail` of shaders/include/conv.glsl: 16 zero
/// bytes (taps outside of the image read them), the post-ops, the bias padded to `channels`, and `behind`.
struct ConvTail {
  uint64_t address = 0;  // of the bias
  std::array<uint32_t, kMaxPostOps> kinds{};
};
Result<ConvTail> upload_tail(const ConvContext& context, int64_t channels,
                             const std::vector<float>& behind = {});
/// The same of post-ops and a bias (empty: zero) that are not the whole node's.
Result<ConvTail> upload_tail(Emitter& emitter, const PostSetup& post, std::vector<float> bias,
                             int64_t channels, const std::vector<float>& behind = {});

/// Every variant that can run a node, also those that Kernel::variants does not offer on this device because
/// they are slow on it.
[[nodiscard]] std::vector<std::string> conv_variant_names(const graph::Graph& graph, const graph::Node& node,
                                                          const gpu::DeviceFeatures& device);

/// Any convolution, also with weights computed at run time and in either layout. Slow.
Status emit_conv_generic(ConvContext& context);

[[nodiscard]] bool fits_conv_dense(const ConvGeometry& geometry, const gpu::DeviceFeatures& device);
/// group = 1, weights in uniform windows; transposed where the kernel is as large as the stride.
Status emit_conv_dense(ConvContext& context);

/// What emit_conv_dense makes of a node, for kernels that are convolutions inside.
struct DenseConv {
  const ConvGeometry& geometry;  // fits_conv_dense
  const std::vector<float>* weights = nullptr;
  uint64_t input = 0, output = 0;
  ConvTail tail;  // its bias padded to dense_channels()
  Storage input_storage = Storage::kF32;
  uint32_t output_half = 0, mask = 0;
  /// A transposed geometry with as many images as taps: tap t is the weights of image t, of the input and of
  /// the output, both of the extents `geometry.in`.
  bool tap_is_image = false;
  /// Input and output are [pixel][channel] in fp32, channels being multiples of 4 (matmul_dense.cpp).
  bool rows = false;
  bool after_previous = false;  // reads what an earlier dispatch of the node wrote
};
[[nodiscard]] int64_t dense_channels(const ConvGeometry& geometry, const gpu::DeviceFeatures& device);
Status emit_dense(Emitter& emitter, const DenseConv& conv);

/// Winograd F(kTile x kTile, 3 x 3), see conv_winograd.cpp. Needs winograd_scratch_bytes() of scratch memory.
[[nodiscard]] bool fits_conv_winograd(const ConvGeometry& geometry, const gpu::DeviceFeatures& device,
                                      int64_t tile);
[[nodiscard]] uint64_t winograd_scratch_bytes(const ConvGeometry& geometry, int64_t tile);
Status emit_conv_winograd(ConvContext& context, int64_t tile);

/// group > 1, by one or more dense convolutions.
[[nodiscard]] bool fits_conv_grouped(const ConvGeometry& geometry, const gpu::DeviceFeatures& device);
Status emit_conv_grouped(ConvContext& context);

[[nodiscard]] bool fits_conv_depthwise(const ConvGeometry& geometry);
Status emit_conv_depthwise(ConvContext& context);
/// The same with pixels from neighbouring invocations, in tiles of at most `rows`: 4 for all that it fits, 8
/// where that changes the tile. See conv_depthwise.cpp.
[[nodiscard]] bool fits_depthwise_shuffle(const ConvGeometry& geometry, const gpu::DeviceFeatures& device,
                                          int64_t rows);
Status emit_depthwise_shuffle(ConvContext& context, int64_t rows);

[[nodiscard]] bool fits_conv_vector(const ConvGeometry& geometry);
/// Few output pixels: a matrix times a vector.
Status emit_conv_vector(ConvContext& context);

// --- for GPUs: tiles in shared memory (tiles.hpp)

/// The product that a convolution is: output pixels x output channels over taps x input channels.
[[nodiscard]] ProductSize conv_product(const ConvGeometry& geometry);
/// No transposed convolution; grouped ones where the groups are made of whole channel groups of 4.
[[nodiscard]] bool fits_conv_tiled(const ConvGeometry& geometry, const gpu::DeviceFeatures& device);
[[nodiscard]] uint64_t conv_tiled_scratch(const ConvGeometry& geometry, const TileVariant& variant);
/// fp16 or bytes as weights, and arithmetic with them, only where they hold the weights.
Status emit_conv_tiled(ConvContext& context, const TileVariant& variant);
/// Adds the `parts` of the sums that lie in scratch memory, the bias and the post-ops.
Status emit_conv_reduce(ConvContext& context, const ConvTail& tail, uint32_t parts);

}  // namespace tarsier::kernels
