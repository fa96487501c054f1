#version 460
// A convolution with few output pixels. One invocation computes 4 output channels of one pixel, so that lanes read
// neighbouring weights. Grid: x output groups, y pixels, z images.
#extension GL_GOOGLE_include_directive : require
#include "conv.glsl"

layout(local_size_x_id = 6) in;
layout(constant_id = 6) const uint kWidth = 32u;

layout(push_constant, std430) uniform Push {
  CONV_PUSH
  uint in_plane, out_plane, vector_groups;
  uint in_groups;  // of a whole image
  uint out_groups, channels;
} pc;

void main() {
  const uint wide_group = gl_WorkGroupID.x * kWidth + gl_LocalInvocationID.x;
  if (kStoreOnce != 0u && wide_group >= pc.out_groups) return;
  const uint group = min(wide_group, pc.out_groups - 1u);
  const uint n = gl_WorkGroupID.z, pixel = gl_WorkGroupID.y;
  uint64_t input_at = pc.src + uint64_t(n * pc.in_groups + pixel) * uint64_t(kGroupBytes);
  const uint64_t input_step = uint64_t(pc.in_plane * kGroupBytes);
  uint64_t weight_at = pc.tail + uint64_t(pc.out_groups + group) * 16ul;
  const uint64_t weight_step = uint64_t(pc.out_groups) * 16ul;
  vec4 sum = load_fp32(pc.tail + uint64_t(group) * 16ul);
  for (uint i = 0u; i < pc.vector_groups; ++i) {
    const vec4 x = load_input(input_at);
    input_at += input_step;
    [[unroll]] for (uint c = 0u; c < 4u; ++c) {
      sum += x[c] * load_fp32(weight_at);
      weight_at += weight_step;
    }
  }
  const uint plane = n * pc.out_groups + group;
  const uint item = plane * pc.out_plane + pixel;
  store_output(pc.dst + uint64_t(item) * uint64_t(kOutputGroupBytes),
               finish(sum, pc.tail, item, plane, group, pc.channels));
}
