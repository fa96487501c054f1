#version 460
#extension GL_GOOGLE_include_directive : require
// Rows and columns of kC4 planes by tables; engine/kernels/remap.cpp.
#include "tensor.glsl"

layout(local_size_x_id = 4) in;
layout(constant_id = 0) const uint kHalfIn = 0u;
layout(constant_id = 1) const uint kHalfOut = 0u;
layout(constant_id = 2) const uint kOneColumn = 0u;
layout(constant_id = 3) const uint kMask = 0u;
layout(constant_id = 4) const uint kWidth = 64u;
layout(constant_id = 5) const uint kGuard = 1u;  // Coverage in operator.hpp

layout(push_constant, std430) uniform Push {
  uint64_t source, target, rows, columns;
  uint count, width, magic, shift;
  uint source_plane, source_width;
  uint groups, channels;
  float fill;
  uint planes;
} pc;

void main() {
  uint p = gl_GlobalInvocationID.x;
  if (kGuard != 0u && p >= pc.count) return;
  p = min(p, pc.count - 1u);
  const uint y = kOneColumn != 0u ? p : fast_divide(p, pc.magic, pc.shift), x = p - y * pc.width;
  const int row = load_int(pc.rows, y), column = load_int(pc.columns, x);
  const uint at = uint(max(row, 0)) * pc.source_width + uint(max(column, 0));
  const bool outside = min(row, column) < 0;
  // Four planes share the tables; where there are fewer, the last one is written again.
  [[unroll]] for (uint j = 0u; j < 4u; ++j) {
    const uint plane = min(gl_WorkGroupID.y * 4u + j, pc.planes - 1u);
    vec4 value = load_group(pc.source, plane * pc.source_plane + at, kHalfIn);
    value = outside ? vec4(pc.fill) : value;
    if (kMask != 0u) value = mask_channels(value, plane % pc.groups, pc.channels);
    store_group(pc.target, plane * pc.count + p, value, kHalfOut);
  }
}
