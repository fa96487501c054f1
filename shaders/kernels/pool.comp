#version 460
#extension GL_GOOGLE_include_directive : require
// MaxPool and AveragePool of kC4 planes; engine/kernels/pool.cpp.
#include "activation.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 2) const uint kMode = 0u;  // 0 max, 1 average of what is inside, 2 average with padding
layout(constant_id = 3) const uint kHalfIn = 0u;
layout(constant_id = 4) const uint kHalfOut = 0u;
layout(constant_id = 5) const uint kKernelY = 1u;
layout(constant_id = 6) const uint kKernelX = 1u;
layout(constant_id = 7) const uint kFlags = 0u;  // 1: mask padding channels, 2: one output column

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint count, width, magic, shift;
  int in_h, in_w;
  uint stride, dilation, before, after;  // y | x << 16
  uint groups, channels;
  POST_PUSH
} pc;

ivec2 unpack(uint yx) { return ivec2(yx & 0xFFFFu, yx >> 16); }

void main() {
  const uint p = gl_GlobalInvocationID.x;
  if (p >= pc.count) return;
  const uint plane = gl_WorkGroupID.y;
  const uint oy = (kFlags & 2u) != 0u ? p : fast_divide(p, pc.magic, pc.shift), ox = p - oy * pc.width;
  const ivec2 size = ivec2(pc.in_h, pc.in_w), dilation = unpack(pc.dilation);
  const ivec2 padded = size + unpack(pc.after);
  const ivec2 origin = ivec2(oy, ox) * unpack(pc.stride) - unpack(pc.before);
  const uint base = plane * uint(pc.in_h * pc.in_w);
  const float lowest = uintBitsToFloat(0xFF800000u);  // -infinity
  vec4 result = vec4(kMode == 0u ? lowest : 0.0);
  float taps = 0.0;
  for (int ky = 0; ky < int(kKernelY); ++ky) {
    const int y = origin.x + ky * dilation.x;
    const bool inside_y = y >= 0 && y < size.x;
    const uint row = base + uint(clamp(y, 0, size.x - 1) * size.y);
    for (int kx = 0; kx < int(kKernelX); ++kx) {
      // Loads are clamped into the plane, what lies outside is not taken: no lane branches.
      const int x = origin.y + kx * dilation.y;
      const bool inside = inside_y && x >= 0 && x < size.y;
      const vec4 value = load_group(pc.source, row + uint(clamp(x, 0, size.y - 1)), kHalfIn);
      if (kMode == 0u) {
        result = max(result, inside ? value : vec4(lowest));
      } else {
        result += inside ? value : vec4(0.0);
        const bool counts = kMode == 2u ? y < padded.x && x < padded.y : inside;
        taps += counts ? 1.0 : 0.0;
      }
    }
  }
  if (kMode != 0u) result /= max(taps, 1.0);
  const uint group = plane * pc.count + p, channel_group = plane % pc.groups;
  result = apply_post_ops(result, group, plane, channel_group);
  if ((kFlags & 1u) != 0u) result = mask_channels(result, channel_group, pc.channels);
  store_group(pc.target, group, result, kHalfOut);
}
