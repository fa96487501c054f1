// A layer's output in four words a lane, which the host adds up (LayerDigests): a 64-bit hash of its words with their
// places, the sum of their magnitudes and the largest. Hashes are sums of integers, whatever their order; a lane's
// floats are added in the same order everywhere, since its words depend on the output's size alone. Without shared
// memory and barriers, which the software device runs slowly; a workgroup is one of its vectors.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

const uint kLanes = 8u;
layout(local_size_x = 8) in;

// What the words are: numbers that are only hashed, floats, or pairs of halves.
const uint kFloats = 1u, kHalves = 2u;

layout(push_constant) uniform Push {
  uint64_t data;
  uint64_t result;  // uvec4 a lane
  uint words;
  uint last_mask;  // of the last word: what of it belongs to the output
  uint kind;
  uint pairs;  // 1: the data begins at a multiple of 8 bytes
} push;

// NH: Black et al., "UMAC: Fast and Secure Message Authentication", CRYPTO 1999; with keys that are made from the place.
uint64_t hash_of(uvec4 words, uint place) {
  const uvec4 keyed = words + place * uvec4(0x9E3779B9u, 0x85EBCA6Bu, 0xC2B2AE35u, 0x27D4EB2Fu) +
                      uvec4(0x165667B1u, 0x7FEB352Du, 0x846CA68Bu, 0xD3A2646Cu);
  return uint64_t(keyed.x) * uint64_t(keyed.y) + uint64_t(keyed.z) * uint64_t(keyed.w);
}

// What is no number counts as nothing: the hash tells of it.
vec4 finite(vec4 values) {
  const vec4 magnitudes = abs(values);
  return mix(vec4(0.0), magnitudes, lessThan(magnitudes, vec4(1e30)));
}

uint64_t hash = 0ul;
float sum = 0.0, most = 0.0;

void add_magnitudes(vec4 values) {
  const vec4 counted = finite(values);
  sum += counted.x + counted.y + counted.z + counted.w;
  most = max(max(most, max(counted.x, counted.y)), max(counted.z, counted.w));
}

void add(uvec4 words, uint place) {
  hash += hash_of(words, place);
  if (push.kind == kFloats) {
    add_magnitudes(uintBitsToFloat(words));
  } else if (push.kind == kHalves) {
    add_magnitudes(vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y)));
    add_magnitudes(vec4(unpackHalf2x16(words.z), unpackHalf2x16(words.w)));
  }
}

void main() {
  const uint lane = gl_WorkGroupID.x * kLanes + gl_LocalInvocationID.x, lanes = gl_NumWorkGroups.x * kLanes;
  const uint whole = (push.words - 1u) / 4u;  // the last four may not be there whole
  for (uint i = lane; i < whole; i += lanes) {
    if (push.pairs != 0u) {
      add(load_words(push.data, i), i);
    } else {
      add(uvec4(load_word(push.data, 4u * i), load_word(push.data, 4u * i + 1u), load_word(push.data, 4u * i + 2u),
                load_word(push.data, 4u * i + 3u)),
          i);
    }
  }
  if (lane == 0u) {
    uvec4 last = uvec4(0u);
    for (uint i = 4u * whole; i < push.words; ++i)
      last[i & 3u] = load_word(push.data, i) & (i == push.words - 1u ? push.last_mask : 0xFFFFFFFFu);
    add(last, whole);
  }
  store_words(push.result, lane, uvec4(unpackUint2x32(hash), floatBitsToUint(sum), floatBitsToUint(most)));
}
