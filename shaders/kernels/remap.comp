#version 460
#extension GL_GOOGLE_include_directive : require
// Rows and columns of kC4 planes by tables; engine/kernels/remap.cpp.
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kHalfIn = 0u;
layout(constant_id = 1) const uint kHalfOut = 0u;
layout(constant_id = 2) const uint kOneColumn = 0u;
layout(constant_id = 3) const uint kMask = 0u;

layout(push_constant, std430) uniform Push {
  uint64_t source, target, rows, columns;
  uint count, width, magic, shift;
  uint source_plane, source_width;
  uint groups, channels;
  float fill;
  uint reserved;
} pc;

void main() {
  const uint p = gl_GlobalInvocationID.x;
  if (p >= pc.count) return;
  const uint plane = gl_WorkGroupID.y;
  const uint y = kOneColumn != 0u ? p : fast_divide(p, pc.magic, pc.shift), x = p - y * pc.width;
  const int row = load_int(pc.rows, y), column = load_int(pc.columns, x);
  const uint at = plane * pc.source_plane + uint(max(row, 0)) * pc.source_width + uint(max(column, 0));
  vec4 value = load_group(pc.source, at, kHalfIn);
  if (min(row, column) < 0) value = vec4(pc.fill);
  if (kMask != 0u) value = mask_channels(value, plane % pc.groups, pc.channels);
  store_group(pc.target, plane * pc.count + p, value, kHalfOut);
}
