#version 460
#extension GL_GOOGLE_include_directive : require
// ReverseSequence; engine/kernels/rearrange.cpp. One lane copies one word.
#include "tensor.glsl"

layout(local_size_x = 64) in;

layout(push_constant, std430) uniform Push {
  uint64_t source, target, lengths;
  uint count, time, time_stride, batches, batch_stride;
} pc;

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const int t = int((i / pc.time_stride) % pc.time);
  const int length = min(load_int(pc.lengths, (i / pc.batch_stride) % pc.batches), int(pc.time));
  const int at = t < length ? int(i) + (length - 1 - 2 * t) * int(pc.time_stride) : int(i);
  store_word(pc.target, i, load_word(pc.source, uint(at)));
}
