// softmax(scale * Q K^T) V without the matrix of scores; engine/kernels/attention.cpp. Included by attention.comp
// and, with TARSIER_BROADCAST, by attention_broadcast.comp.
//
// A lane owns kQueries queries and walks all keys in blocks, with the running maximum and sum of an online softmax
// (M. Milakov, N. Gimelshein, "Online normalizer calculation for softmax", 2018; T. Dao et al., "FlashAttention",
// 2022). All lanes need the same key at a time. The software device reads through an address lane by lane, whether
// all lanes name the same or not; so there a block of keys is as large as a subgroup, each lane reads one of them
// and hands it to the others. Grid: x queries, z batches.
#include "activation.glsl"

layout(local_size_x_id = 2) in;
layout(constant_id = 2) const uint kWidth = 64u;
layout(constant_id = 3) const uint kHeadSize = 4u;   // channels of a query and of a key
layout(constant_id = 4) const uint kValueSize = 4u;  // channels of a value
layout(constant_id = 5) const uint kForms = 0u;      // Form in attention.cpp: 2 bits each of Q, K, V, output
layout(constant_id = 6) const uint kHalves = 0u;     // fp16 storage: a bit each of Q, K, V, output
layout(constant_id = 7) const uint kGuard = 1u;      // lanes beyond the end return; else they repeat the last query
layout(constant_id = 8) const uint kTail = 1u;       // the last block of keys is not whole
layout(constant_id = 9) const uint kMask = 0u;       // post-ops move zero: clear the padding channels
layout(constant_id = 10) const uint kQueries = 1u;
layout(constant_id = 11) const uint kBlock = 8u;  // keys; of TARSIER_BROADCAST: the subgroup's size

layout(push_constant, std430) uniform Push {
  uint64_t query, key, value, target;
  uint queries, keys;
  float scale;  // times log2(e): powers of two are quicker
  uint reserved;
  POST_PUSH
} pc;

const uint kTokensFirst = 0u, kChannelsFirst = 1u, kGroups = 2u;

uint form(uint operand) { return (kForms >> (2u * operand)) & 3u; }
bool is_half(uint operand) { return ((kHalves >> operand) & 1u) != 0u; }

// Index of an element; for kGroups, of its group of four channels.
uint index_of(uint operand, uint batch, uint tokens, uint token, uint channels, uint channel) {
  if (form(operand) == kTokensFirst) return (batch * tokens + token) * channels + channel;
  if (form(operand) == kChannelsFirst) return (batch * channels + channel) * tokens + token;
  return (batch * ((channels + 3u) / 4u) + channel / 4u) * tokens + token;
}

// Four channels from `channel` on; what lies beyond `channels` is 0.
vec4 load_channels(uint64_t base, uint operand, uint batch, uint tokens, uint token, uint channels, uint channel) {
  if (form(operand) == kGroups) {
    return load_group(base, index_of(operand, batch, tokens, token, channels, channel), is_half(operand) ? 1u : 0u);
  }
  if (form(operand) == kTokensFirst && channels % 4u == 0u) {
    return load_group(base, index_of(operand, batch, tokens, token, channels, channel) / 4u, 0u);
  }
  vec4 x = vec4(0.0);
  [[unroll]] for (uint c = 0u; c < 4u; ++c) {
    if (channel + c < channels) {
      x[c] = load_float(base, index_of(operand, batch, tokens, token, channels, channel + c));
    }
  }
  return x;
}

const uint kHeadGroups = (kHeadSize + 3u) / 4u, kValueGroups = (kValueSize + 3u) / 4u;
const float kLowest = -3.4e38;

void main() {
  const uint first = gl_WorkGroupID.x * (kWidth * kQueries) + gl_LocalInvocationID.x;
  if (kGuard != 0u && first >= pc.queries) return;
  const uint batch = gl_WorkGroupID.z;
  vec4 query[kQueries][kHeadGroups], sums[kQueries][kValueGroups];
  float top[kQueries], total[kQueries];
  uint at[kQueries];
  [[unroll]] for (uint i = 0u; i < kQueries; ++i) {
    at[i] = min(first + i * kWidth, pc.queries - 1u);
    [[unroll]] for (uint g = 0u; g < kHeadGroups; ++g) {
      query[i][g] = load_channels(pc.query, 0u, batch, pc.queries, at[i], kHeadSize, g * 4u) * pc.scale;
    }
    [[unroll]] for (uint g = 0u; g < kValueGroups; ++g) sums[i][g] = vec4(0.0);
    top[i] = kLowest;
    total[i] = 0.0;
  }
  const uint blocks = (pc.keys + kBlock - 1u) / kBlock;
  for (uint b = 0u; b < blocks; ++b) {
    const uint start = b * kBlock;
    float weight[kQueries][kBlock];
#ifdef TARSIER_BROADCAST
    const uint own = min(start + gl_SubgroupInvocationID, pc.keys - 1u);
    vec4 keys[kHeadGroups], values[kValueGroups];
    [[unroll]] for (uint g = 0u; g < kHeadGroups; ++g) {
      keys[g] = load_channels(pc.key, 1u, batch, pc.keys, own, kHeadSize, g * 4u);
    }
    [[unroll]] for (uint g = 0u; g < kValueGroups; ++g) {
      values[g] = load_channels(pc.value, 2u, batch, pc.keys, own, kValueSize, g * 4u);
    }
#endif
    [[unroll]] for (uint j = 0u; j < kBlock; ++j) {
      const uint token = kTail != 0u ? min(start + j, pc.keys - 1u) : start + j;
      [[unroll]] for (uint i = 0u; i < kQueries; ++i) weight[i][j] = 0.0;
      [[unroll]] for (uint g = 0u; g < kHeadGroups; ++g) {
#ifdef TARSIER_BROADCAST
        const vec4 k = subgroupBroadcast(keys[g], j);
#else
        const vec4 k = load_channels(pc.key, 1u, batch, pc.keys, token, kHeadSize, g * 4u);
#endif
        [[unroll]] for (uint i = 0u; i < kQueries; ++i) {
          [[unroll]] for (uint c = 0u; c < 4u; ++c) {
            if (g * 4u + c < kHeadSize) weight[i][j] += query[i][g][c] * k[c];
          }
        }
      }
      if (kTail != 0u) {
        [[unroll]] for (uint i = 0u; i < kQueries; ++i) weight[i][j] = start + j < pc.keys ? weight[i][j] : kLowest;
      }
    }
    float shrink[kQueries];
    [[unroll]] for (uint i = 0u; i < kQueries; ++i) {
      float highest = top[i];
      [[unroll]] for (uint j = 0u; j < kBlock; ++j) highest = max(highest, weight[i][j]);
      shrink[i] = exp2(top[i] - highest);
      top[i] = highest;
      total[i] *= shrink[i];
      [[unroll]] for (uint j = 0u; j < kBlock; ++j) {
        weight[i][j] = exp2(weight[i][j] - highest);
        total[i] += weight[i][j];
      }
    }
    [[unroll]] for (uint g = 0u; g < kValueGroups; ++g) {
      vec4 sum[kQueries];
      [[unroll]] for (uint i = 0u; i < kQueries; ++i) sum[i] = sums[i][g] * shrink[i];
      [[unroll]] for (uint j = 0u; j < kBlock; ++j) {
#ifdef TARSIER_BROADCAST
        const vec4 v = subgroupBroadcast(values[g], j);
#else
        const uint token = kTail != 0u ? min(start + j, pc.keys - 1u) : start + j;
        const vec4 v = load_channels(pc.value, 2u, batch, pc.keys, token, kValueSize, g * 4u);
#endif
        [[unroll]] for (uint i = 0u; i < kQueries; ++i) sum[i] += weight[i][j] * v;
      }
      [[unroll]] for (uint i = 0u; i < kQueries; ++i) sums[i][g] = sum[i];
    }
  }
  [[unroll]] for (uint i = 0u; i < kQueries; ++i) {
    if (kGuard != 0u && first + i * kWidth >= pc.queries) return;
    const float scale = 1.0 / total[i];
    [[unroll]] for (uint g = 0u; g < kValueGroups; ++g) {
      const uint item = index_of(3u, batch, pc.queries, at[i], kValueSize, g * 4u);
      vec4 x = apply_post_ops(sums[i][g] * scale, item, batch * kValueGroups + g, g);
      if (form(3u) == kGroups) {
        if (kMask != 0u) x = mask_channels(x, g, kValueSize);
        store_group(pc.target, item, x, is_half(3u) ? 1u : 0u);
      } else {
        [[unroll]] for (uint c = 0u; c < 4u; ++c) {
          if (g * 4u + c < kValueSize) {
            store_float(pc.target, index_of(3u, batch, pc.queries, at[i], kValueSize, g * 4u + c), x[c]);
          }
        }
      }
    }
  }
}
