// Second pass of the detection decoder, one workgroup: where more candidates passed the threshold than are kept,
// finds the key of the last one to keep by radix selection (most significant digit first) and copies the keys up to
// it. Exact and independent of the order of the list. Returns at once in the usual case.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_detect.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant, std430) uniform Push {
  Keys keys;
  Keys compact;
  SelectState state;
  uint capacity;
  uint keep;
} pc;

shared uint chunk_sum[256];
shared uint chosen;
shared uint before_chosen;
shared uint in_chosen;

// Digits of the 64-bit key from the top: 11, 11, 10 bits of x, then 11, 11 bits of y (codes stay below 2^22).
uint digit_of(uvec2 key, uint pass) {
  switch (pass) {
    case 0: return key.x >> 21;
    case 1: return (key.x >> 10) & 2047u;
    case 2: return key.x & 1023u;
    case 3: return (key.y >> 11) & 2047u;
    default: return key.y & 2047u;
  }
}

void main() {
  uint lane = gl_LocalInvocationID.x;
  const uint lanes = gl_WorkGroupSize.x;
  uint n = min(pc.state.count, pc.capacity);
  if (n <= pc.keep) return;

  const uvec2 kMasks[6] = uvec2[6](uvec2(0u, 0u), uvec2(0xFFE00000u, 0u), uvec2(0xFFFFFC00u, 0u),
                                   uvec2(0xFFFFFFFFu, 0u), uvec2(0xFFFFFFFFu, 0xFFFFF800u),
                                   uvec2(0xFFFFFFFFu, 0xFFFFFFFFu));
  uvec2 prefix = uvec2(0u);
  uint needed = pc.keep;  // how many of those that share the prefix
  uint pass = 0;
  for (; pass < 5u; ++pass) {
    for (uint i = lane; i < 2048u; i += lanes) pc.state.histogram[i] = 0u;
    memoryBarrierBuffer();
    barrier();
    uvec2 mask = kMasks[pass];
    for (uint i = lane; i < n; i += lanes) {
      uvec2 key = pc.keys.v[i];
      if ((key & mask) == prefix) atomicAdd(pc.state.histogram[digit_of(key, pass)], 1u);
    }
    memoryBarrierBuffer();
    barrier();
    uint chunk = 2048u / lanes;
    uint sum = 0;
    for (uint i = 0; i < chunk; ++i) sum += pc.state.histogram[lane * chunk + i];
    chunk_sum[lane] = sum;
    memoryBarrierShared();
    barrier();
    if (lane == 0u) {
      uint before = 0;
      uint c = 0;
      while (c + 1u < lanes && before + chunk_sum[c] < needed) before += chunk_sum[c++];
      uint digit = c * chunk;
      uint here = pc.state.histogram[digit];
      while (digit < 2047u && before + here < needed) {
        before += here;
        here = pc.state.histogram[++digit];
      }
      chosen = digit;
      before_chosen = before;
      in_chosen = here;
    }
    memoryBarrierShared();
    barrier();
    if (pass == 0u) prefix.x = chosen << 21;
    else if (pass == 1u) prefix.x |= chosen << 10;
    else if (pass == 2u) prefix.x |= chosen;
    else if (pass == 3u) prefix.y = chosen << 11;
    else prefix.y |= chosen;
    needed -= before_chosen;
    bool done = in_chosen == needed;
    barrier();
    if (done) break;
  }
  // The last key to keep has this prefix: all that share it are kept.
  uvec2 last = prefix | ~kMasks[min(pass, 4u) + 1u];
  for (uint i = lane; i < n; i += lanes) {
    uvec2 key = pc.keys.v[i];
    if (!precedes(last, key)) {
      uint slot = atomicAdd(pc.state.compacted, 1u);
      if (slot < pc.keep) pc.compact.v[slot] = key;
    }
  }
}
