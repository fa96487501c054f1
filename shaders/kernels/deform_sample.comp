#version 460
#extension GL_GOOGLE_include_directive : require
// The reads of a deformable convolution; engine/kernels/deform_conv.cpp. A lane reads several channels at the place
// that one tap of one pixel has.
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kMasked = 0u;
layout(constant_id = 1) const uint kChannels = 8u;  // of a lane

layout(push_constant, std430) uniform Push {
  uint64_t source, offsets, masks, target;
  uint channels, groups;  // channels of an offset group
  int in_size[2], out_size[2], kernel[2], stride[2], dilation[2], pad[2];
} pc;

void main() {
  const uint pixel = gl_GlobalInvocationID.x, plane = uint(pc.out_size[0] * pc.out_size[1]);
  if (pixel >= plane) return;
  const uint field = gl_WorkGroupID.y, taps = uint(pc.kernel[0] * pc.kernel[1]);
  const uint group = field / taps;  // of all images
  const int tap = int(field - group * taps);
  const int oy = int(pixel / uint(pc.out_size[1])), ox = int(pixel) - oy * pc.out_size[1];
  const int ky = tap / pc.kernel[1], kx = tap - ky * pc.kernel[1];
  float y = float(oy * pc.stride[0] - pc.pad[0] + ky * pc.dilation[0]);
  float x = float(ox * pc.stride[1] - pc.pad[1] + kx * pc.dilation[1]);
  y += load_float(pc.offsets, field * 2u * plane + pixel);
  x += load_float(pc.offsets, (field * 2u + 1u) * plane + pixel);
  // Far outside, a finite number still has to become an index.
  const int h = pc.in_size[0], w = pc.in_size[1];
  y = clamp(y, -2.0, float(h + 1));
  x = clamp(x, -2.0, float(w + 1));
  const int top = int(floor(y)), left = int(floor(x));
  const float down = y - float(top), across = x - float(left);
  const ivec4 ys = ivec4(top, top, top + 1, top + 1), xs = ivec4(left, left + 1, left, left + 1);
  vec4 weight = vec4(1.0 - down, 1.0 - down, down, down) * vec4(1.0 - across, across, 1.0 - across, across);
  if (kMasked != 0u) weight *= load_float(pc.masks, field * plane + pixel);
  uvec4 at;
  bvec4 inside;
  [[unroll]] for (uint k = 0u; k < 4u; ++k) {
    inside[k] = ys[k] >= 0 && xs[k] >= 0 && ys[k] < h && xs[k] < w;
    at[k] = inside[k] ? uint(ys[k] * w + xs[k]) : 0u;
  }
  const uint first = gl_WorkGroupID.z * kChannels, end = min(first + kChannels, pc.channels);
  for (uint c = first; c < end; ++c) {
    const uint channel = group * pc.channels + c, base = channel * uint(h * w);
    vec4 values;
    [[unroll]] for (uint k = 0u; k < 4u; ++k) values[k] = load_float(pc.source, base + at[k]);
    // What lies outside is not taken, be it infinite.
    const vec4 terms = mix(vec4(0.0), values * weight, inside);
    store_float(pc.target, (channel * taps + uint(tap)) * plane + pixel, (terms.x + terms.y) + (terms.z + terms.w));
  }
}
