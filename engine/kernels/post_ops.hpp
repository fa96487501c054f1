// Post-ops: elementwise work that fusion moved into the kernel that produces its operand. The device side is
// shaders/include/activation.glsl; both must agree on the numbers below.
#pragma once

#include <array>
#include <vector>

#include "kernels/operator.hpp"

namespace tarsier::kernels {

/// How many post-ops one kernel applies. Two cover convolution + residual + activation.
inline constexpr size_t kMaxPostOps = 2;

/// Tail of the push constants of a kernel that takes post-ops (POST_PUSH in activation.glsl). 32 bytes.
struct PostPush {
  std::array<uint64_t, kMaxPostOps> operand{};
  std::array<float, kMaxPostOps> a{};
  std::array<float, kMaxPostOps> b{};
};
static_assert(sizeof(PostPush) == 32);

struct PostSetup {
  PostPush push;
  /// Specialisation constants 0 and 1 of the shader: 0 for none, else kind + 1 with kPostHalf, kPostPerPlane.
  std::array<uint32_t, kMaxPostOps> kinds{};
};
inline constexpr uint32_t kPostHalf = 0x100;      // the operand is stored as fp16
inline constexpr uint32_t kPostPerPlane = 0x200;  // the operand is [N,C,1,1]

/// Whether the post-op reads nothing but its input: then it works in every layout.
[[nodiscard]] bool is_pointwise(const graph::PostOp& post);
/// For kernels that may run in either layout: room is left and the post-op is pointwise.
[[nodiscard]] bool accepts_pointwise(const graph::Graph& graph, const graph::Node& node,
                                     const graph::PostOp& post);
/// For kernels whose output 0 is always kC4: every kind, where the operand's shape fits: kAdd the same shape,
/// kMul the same or [N,C,1,1], kPRelu a constant of C elements, kAffine one of [3,C].
[[nodiscard]] bool accepts_c4(const graph::Graph& graph, const graph::Node& node, const graph::PostOp& post);
/// For kernels that run in either layout and take every kind in kC4: accepts_c4() where the operands will
/// most likely lie there. layouts() must then choose kC4 for a node that needs_groups().
[[nodiscard]] bool accepts_in_groups(const graph::Graph& graph, const graph::Node& node,
                                     const graph::PostOp& post);
/// Whether a post-op of the node reads an operand.
[[nodiscard]] bool needs_groups(const graph::Node& node);
/// The operand of kAffine as the device reads it: scale, shift and slope of four channels side by side.
[[nodiscard]] std::vector<float> pack_affine(const Tensor& affine);
/// Addresses and constants of the node's post-ops. Constant operands are packed in the output's layout.
Result<PostSetup> setup_post_ops(Emitter& emitter);
/// Those of a kernel that computes one image from channel `first_channel` (a multiple of 4) on: the operands
/// begin there.
[[nodiscard]] PostSetup post_ops_of_slice(const Emitter& emitter, const PostSetup& whole, int64_t image,
                                          int64_t first_channel);
/// The CPU reference: applies node.post to `output`. `operand` gives the data of a post-op's operand.
Status apply_post_ops(const graph::Node& node, const std::function<const Tensor*(graph::ValueId)>& operand,
                      Tensor& output);
/// One pointwise post-op on one number.
[[nodiscard]] float post_op_value(const graph::PostOp& post, float x);
/// True where the pointwise post-ops move zero, so that padding channels must be masked.
[[nodiscard]] bool moves_zero(const graph::Node& node, float start = 0);

}  // namespace tarsier::kernels
