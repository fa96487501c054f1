#version 460
#extension GL_GOOGLE_include_directive : require
// GatherElements, GatherND, ScatterElements, ScatterND; engine/kernels/scatter.cpp. One lane moves one element.
#include "nd_index.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kReduction = 0u;  // 0 gather, 1 none, 2 add, 3 mul, 4 max, 5 min
layout(constant_id = 1) const uint kTuples = 0u;     // index tuples (ND) or one index an element
layout(constant_id = 2) const uint kDepth = 1u;      // of a tuple; else axes of the table
layout(constant_id = 3) const uint kInteger = 0u;
layout(constant_id = 4) const uint kInnerOne = 0u;
layout(constant_id = 5) const uint kBatched = 0u;  // 0: one batch, 1: a slice a batch, 2: several

layout(push_constant, std430) uniform Push {
  uint64_t data, indices, moved, table;
  uint count, inner, inner_magic, inner_shift;
  uint batch, batch_magic, batch_shift, batch_stride;
  uint extent, stride;
} pc;

layout(buffer_reference, std430, buffer_reference_align = 4) coherent buffer AtomicRef { uint v; };

// Negative indices count from the end; what is still outside goes to the nearest element.
uint wrapped(int index, int extent) { return uint(clamp(index < 0 ? index + extent : index, 0, extent - 1)); }

uint combined(uint old, uint update) {
  if (kInteger != 0u) {
    const int a = int(old), b = int(update);
    return uint(kReduction == 2u ? a + b : kReduction == 3u ? a * b : kReduction == 4u ? max(a, b) : min(a, b));
  }
  const float a = uintBitsToFloat(old), b = uintBitsToFloat(update);
  return floatBitsToUint(kReduction == 2u ? a + b : kReduction == 3u ? a * b : kReduction == 4u ? max(a, b) : min(a, b));
}

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  uint at;
  if (kTuples != 0u) {
    const uint tuple = kInnerOne != 0u ? i : fast_divide(i, pc.inner_magic, pc.inner_shift);
    at = i - tuple * pc.inner;
    if (kBatched == 1u) at += tuple * pc.batch_stride;
    if (kBatched == 2u) at += fast_divide(tuple, pc.batch_magic, pc.batch_shift) * pc.batch_stride;
    for (uint k = 0u; k < kDepth; ++k) {
      at += wrapped(load_int(pc.indices, tuple * kDepth + k), load_int(pc.table, k * 2u)) * load_word(pc.table, k * 2u + 1u);
    }
  } else {
    at = uint(nd_offsets(pc.table, kDepth, i).x) + wrapped(load_int(pc.indices, i), int(pc.extent)) * pc.stride;
  }
  if (kReduction == 0u) {
    store_word(pc.moved, i, load_word(pc.data, at));
    return;
  }
  const uint update = load_word(pc.moved, i);
  if (kReduction == 1u) {
    store_word(pc.data, at, update);
    return;
  }
  AtomicRef target = AtomicRef(pc.data + uint64_t(at) * 4ul);
  uint expected = target.v;
  for (;;) {
    const uint wanted = combined(expected, update);
    if (wanted == expected) break;
    const uint found = atomicCompSwap(target.v, expected, wanted);
    if (found == expected) break;
    expected = found;
  }
}
