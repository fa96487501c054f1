#version 460
#extension GL_GOOGLE_include_directive : require
// TfIdfVectorizer; engine/kernels/tf_idf.cpp. One lane owns one entry of one row of the result.
#include "tensor.glsl"

layout(local_size_x = 64) in;

layout(push_constant, std430) uniform Push {
  uint64_t source, target, pool, grams;
  uint count, entries, items, skips, mode;
} pc;

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const uint row = i / pc.entries, entry = i - row * pc.entries;
  const uint first = load_word(pc.grams, entry * 3u), items = load_word(pc.grams, entry * 3u + 1u);
  const float weight = load_float(pc.grams, entry * 3u + 2u);
  uint found = 0u;
  if (items > 0u) {
    const uint skips = items > 1u ? pc.skips : 0u;
    for (uint skip = 0u; skip <= skips; ++skip) {
      for (uint at = 0u; at + (items - 1u) * (skip + 1u) < pc.items; ++at) {
        bool same = true;
        for (uint k = 0u; k < items && same; ++k)
          same = load_word(pc.source, row * pc.items + at + k * (skip + 1u)) == load_word(pc.pool, first + k);
        found += same ? 1u : 0u;
      }
    }
  }
  store_float(pc.target, i, pc.mode == 0u ? float(found) : pc.mode == 1u ? (found > 0u ? weight : 0.0) : float(found) * weight);
}
