#version 460
#extension GL_GOOGLE_include_directive : require
// Ends a convolution whose k was split among workgroups: adds the parts (vec4 in the order of the output), the bias
// and the post-ops. One invocation a group of 4 channels of a pixel. Behind conv_tiled.comp.
#include "conv.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 6) const uint kSplits = 2u;

layout(push_constant, std430) uniform Push {
  CONV_PUSH
  uint count;   // items of the output, which are those of a part, too
  uint pixels;  // of a plane
  uint out_groups, out_channels;
} pc;

void main() {
  const uint item = flat_group() * 64u + gl_LocalInvocationID.x;
  if (item >= pc.count) return;
  const uint plane = item / pc.pixels, group = plane % pc.out_groups;
  vec4 sum = Float4Ref(pc.tail + uint64_t(group * 16u)).v;
  for (uint s = 0u; s < kSplits; ++s) {
    sum += Float4Ref(pc.src + (uint64_t(s) * uint64_t(pc.count) + uint64_t(item)) * 16ul).v;
  }
  store_output(pc.dst + uint64_t(item) * uint64_t(kOutputGroupBytes),
               finish(sum, pc.tail, item, plane, group, pc.out_channels));
}
