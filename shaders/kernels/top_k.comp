#version 460
#extension GL_GOOGLE_include_directive : require
// TopK in stages; engine/kernels/top_k.cpp says how.
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kStage = 0u;
layout(constant_id = 1) const uint kInnerOne = 0u;

layout(buffer_reference, std430, buffer_reference_align = 4) buffer CounterRef { uint v; };

layout(push_constant, std430) uniform Push {
  uint64_t source, values, indices, scratch;
  uint extent, k, inner, magic, shift;
  uint chunks, row_words, flags;  // 1 integers, 2 smallest, 4 values, 8 indices
} pc;

uint row() { return gl_WorkGroupID.y; }
uint outer_of_row() { return kInnerOne != 0u ? row() : fast_divide(row(), pc.magic, pc.shift); }

// Orders like the number itself (sign and magnitude -> unsigned), reversed where the smallest are wanted.
uint order_of(uint bits) {
  uint key = bits ^ 0x80000000u;
  if ((pc.flags & 1u) == 0u) {
    if (bits == 0x80000000u) bits = 0u;  // -0 equals 0
    key = (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
  }
  return (pc.flags & 2u) != 0u ? ~key : key;
}
// Larger is better: value first, then the lower index.
uint64_t key_of(uint order, uint index) { return packUint2x32(uvec2(~index, order)); }

uint first_element() {
  const uint outer = outer_of_row();
  return outer * pc.extent * pc.inner + (row() - outer * pc.inner);
}
uint load_order(uint first, uint index) { return order_of(load_word(pc.source, first + index * pc.inner)); }

// Scratch of a row: threshold, counter, maximum of each chunk, candidates.
uint64_t scratch_at(uint word) { return pc.scratch + uint64_t(row() * pc.row_words + word) * 8ul; }
uint64_t load_key(uint word) { return LongRef(scratch_at(word)).v; }

void emit(uint rank, uint index) {
  const uint outer = outer_of_row();
  const uint to = (outer * pc.k + rank) * pc.inner + (row() - outer * pc.inner);
  if ((pc.flags & 4u) != 0u) {
    store_word(pc.values, to, load_word(pc.source, first_element() + index * pc.inner));
  }
  if ((pc.flags & 8u) != 0u) store_word(pc.indices, to, index);
}

void main() {
  const uint lane = gl_GlobalInvocationID.x;
  if (kStage == 0u) {
    if (lane == 0u) LongRef(scratch_at(1u)).v = 0ul;
    if (lane >= pc.chunks) return;
    const uint first = first_element();
    uint best = load_order(first, lane), at = lane;
    for (uint i = lane + pc.chunks; i < pc.extent; i += pc.chunks) {
      const uint order = load_order(first, i);
      at = order > best ? i : at;
      best = max(order, best);
    }
    LongRef(scratch_at(2u + lane)).v = key_of(best, at);
  } else if (kStage == 1u) {
    if (lane >= pc.chunks) return;
    const uint64_t own = load_key(2u + lane);
    uint above = 0u;
    for (uint i = 0u; i < pc.chunks; ++i) above += load_key(2u + i) > own ? 1u : 0u;
    if (above == pc.k - 1u) LongRef(scratch_at(0u)).v = own;
  } else if (kStage == 2u) {
    if (lane >= pc.chunks) return;
    const uint64_t threshold = load_key(0u);
    if (load_key(2u + lane) < threshold) return;
    const uint first = first_element();
    for (uint i = lane; i < pc.extent; i += pc.chunks) {
      const uint64_t key = key_of(load_order(first, i), i);
      if (key >= threshold) {
        const uint slot = atomicAdd(CounterRef(scratch_at(1u)).v, 1u);
        LongRef(scratch_at(2u + pc.chunks + slot)).v = key;
      }
    }
  } else if (kStage == 3u) {
    const uint candidates = CounterRef(scratch_at(1u)).v, lanes = gl_NumWorkGroups.x * 64u;
    const uint base = 2u + pc.chunks;
    for (uint c = lane; c < candidates; c += lanes) {
      const uint64_t own = load_key(base + c);
      uint above = 0u;
      for (uint i = 0u; i < candidates && above < pc.k; ++i) above += load_key(base + i) > own ? 1u : 0u;
      if (above < pc.k) emit(above, ~unpackUint2x32(own).x);
    }
  } else {
    if (lane >= pc.extent) return;
    const uint first = first_element(), own = load_order(first, lane);
    uint above = 0u;
    for (uint i = 0u; i < pc.extent && above < pc.k; ++i) {
      const uint other = load_order(first, i);
      above += other > own || (other == own && i < lane) ? 1u : 0u;
    }
    if (above < pc.k) emit(above, lane);
  }
}
