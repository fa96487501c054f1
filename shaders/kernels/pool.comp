#version 460
#extension GL_GOOGLE_include_directive : require
// MaxPool, AveragePool and LpPool of kC4 planes; engine/kernels/pool.cpp.
#include "activation.glsl"

layout(local_size_x_id = 8) in;
layout(constant_id = 2) const uint kMode = 0u;  // 0 max, 1 average of what is inside, 2 average with padding, 3 Lp norm
layout(constant_id = 3) const uint kHalfIn = 0u;
layout(constant_id = 4) const uint kHalfOut = 0u;
layout(constant_id = 5) const uint kKernelY = 1u;
layout(constant_id = 6) const uint kKernelX = 1u;
layout(constant_id = 7) const uint kFlags = 0u;  // 1: mask padding channels, 2: one output column
layout(constant_id = 8) const uint kWidth = 64u;
layout(constant_id = 9) const uint kGuard = 1u;  // Coverage in operator.hpp
layout(constant_id = 10) const uint kRows = 1u;  // output rows of a lane; above 1 only with a row dilation of 1
layout(constant_id = 11) const uint kStrideY = 1u;

layout(push_constant, std430) uniform Push {
  uint64_t source, target;
  uint count, width, magic, shift;
  int in_h, in_w;
  uint out_h;
  uint stride, dilation, before, after;  // y | x << 16
  uint groups, channels;
  float p;
  POST_PUSH
} pc;

ivec2 unpack(uint yx) { return ivec2(yx & 0xFFFFu, yx >> 16); }

vec4 term(vec4 x) {
  if (kMode != 3u) return x;
  return pc.p == 2.0 ? x * x : pc.p == 1.0 ? abs(x) : pow(abs(x), vec4(pc.p));
}

void main() {
  uint lane = gl_GlobalInvocationID.x;
  if (kGuard != 0u && lane >= pc.count) return;
  lane = min(lane, pc.count - 1u);
  const uint plane = gl_WorkGroupID.y;
  const uint block = (kFlags & 2u) != 0u ? lane : fast_divide(lane, pc.magic, pc.shift);
  const uint ox = lane - block * pc.width;
  // The last block moves up so that all of its rows exist; it computes some of its neighbour's again.
  const uint oy = min(block * kRows, max(pc.out_h, kRows) - kRows);
  const ivec2 size = ivec2(pc.in_h, pc.in_w), dilation = unpack(pc.dilation);
  const ivec2 padded = size + unpack(pc.after);
  const ivec2 origin = ivec2(oy, ox) * unpack(pc.stride) - unpack(pc.before);
  const uint base = plane * uint(pc.in_h * pc.in_w);
  const float lowest = uintBitsToFloat(0xFF800000u);  // -infinity
  const vec4 start = vec4(kMode == 0u ? lowest : 0.0);
  vec4 result[4] = vec4[4](start, start, start, start);
  float taps[4] = float[4](0.0, 0.0, 0.0, 0.0);
  const uint input_rows = (kRows - 1u) * kStrideY + kKernelY;
  for (uint r = 0u; r < input_rows; ++r) {
    const int y = origin.x + int(r) * dilation.x;
    const bool inside_y = y >= 0 && y < size.x;
    const uint row = base + uint(clamp(y, 0, size.x - 1) * size.y);
    vec4 in_row = start;
    float row_taps = 0.0;
    for (int kx = 0; kx < int(kKernelX); ++kx) {
      // Loads are clamped into the plane, what lies outside is not taken: no lane branches.
      const int x = origin.y + kx * dilation.y;
      const bool inside = inside_y && x >= 0 && x < size.y;
      const vec4 value = load_group(pc.source, row + uint(clamp(x, 0, size.y - 1)), kHalfIn);
      if (kMode == 0u) {
        in_row = max(in_row, inside ? value : start);
      } else {
        in_row += inside ? term(value) : vec4(0.0);
        const bool counts = kMode == 2u ? y < padded.x && x < padded.y : inside;
        row_taps += counts ? 1.0 : 0.0;
      }
    }
    [[unroll]] for (uint j = 0u; j < kRows; ++j) {
      const bool takes = r >= j * kStrideY && r < j * kStrideY + kKernelY;
      if (kMode == 0u) {
        result[j] = max(result[j], takes ? in_row : start);
      } else {
        result[j] += takes ? in_row : vec4(0.0);
        taps[j] += takes ? row_taps : 0.0;
      }
    }
  }
  const uint channel_group = plane % pc.groups;
  [[unroll]] for (uint j = 0u; j < kRows; ++j) {
    if (kGuard != 0u && (oy + j < block * kRows || oy + j >= pc.out_h)) continue;
    // A plane lower than a block repeats its last row.
    const uint at = min(oy + j, pc.out_h - 1u);
    const uint source_row = at - oy;
    vec4 value = result[j];
    float count = taps[j];
    if (j > 0u && source_row < j) {
      value = result[j - 1u];
      count = taps[j - 1u];
    }
    result[j] = value;
    taps[j] = count;
    if (kMode == 1u || kMode == 2u) value /= max(count, 1.0);
    if (kMode == 3u) value = pc.p == 2.0 ? sqrt(value) : pc.p == 1.0 ? value : pow(value, vec4(1.0 / pc.p));
    const uint group = (plane * pc.out_h + at) * pc.width + ox;
    value = apply_post_ops(value, group, plane, channel_group);
    if ((kFlags & 1u) != 0u) value = mask_channels(value, channel_group, pc.channels);
    store_group(pc.target, group, value, kHalfOut);
  }
}
