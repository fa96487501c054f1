#version 460
#extension GL_GOOGLE_include_directive : require
// Gather along one axis; engine/kernels/gather.cpp.
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kScalarChunks = 0u;  // inner == 1
layout(constant_id = 1) const uint kOnePick = 0u;       // picks == 1

layout(push_constant, std430) uniform Push {
  uint64_t data, indices, target;
  uint count, inner, inner_magic, inner_shift;
  uint picks, picks_magic, picks_shift;
  uint extent;
} pc;

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const uint chunk = kScalarChunks != 0u ? i : fast_divide(i, pc.inner_magic, pc.inner_shift);
  const uint within = i - chunk * pc.inner;
  const uint outer = kOnePick != 0u ? chunk : fast_divide(chunk, pc.picks_magic, pc.picks_shift);
  const int given = load_int(pc.indices, chunk - outer * pc.picks);
  // An index computed on the device may be wrong; it must not read outside of the tensor.
  const int index = clamp(given < 0 ? given + int(pc.extent) : given, 0, int(pc.extent) - 1);
  store_word(pc.target, i, load_word(pc.data, (outer * pc.extent + uint(index)) * pc.inner + within));
}
