// The inner part of a tiled matrix product through shared memory, for devices where that is fast (GPUs).
//
// A workgroup computes a tile of kTileM rows x kTileN columns. It walks along k in steps of 16 (4 groups of 4): while
// it multiplies one step from shared memory, the next one is on its way from global memory into registers, and goes to
// the other half of the shared memory, so one barrier a step is enough. An invocation holds kThreadM rows x 4 kThreadN
// columns of sums in registers. Its rows lie kLanesM apart and its column groups kLanesN apart, so that neighbours in
// a subgroup read neighbours in shared memory (no bank conflicts) and store neighbours.
//
// A row of the left operand is read as groups of 4 k (a kC4 pixel, or 4 neighbours of a row-major matrix), a row of
// the right one as groups of 4 columns. TILE_HALF: fp16 in shared memory and fp16 arithmetic; the 16 products of a
// step are summed in fp16, the steps in fp32, so that the error does not grow with k.
//
// The including shader leaves specialisation constants 6 to 10 to this file (engine/kernels/tiles.hpp) and fetches.
#ifndef TARSIER_TILE_GLSL
#define TARSIER_TILE_GLSL

#ifdef TILE_HALF
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define TILE4 f16vec4
#else
#define TILE4 vec4
#endif

layout(local_size_x_id = 6) in;
layout(constant_id = 6) const uint kThreads = 64u;
layout(constant_id = 7) const uint kTileM = 32u;   // a divisor of kThreads
layout(constant_id = 8) const uint kTileN = 32u;
layout(constant_id = 9) const uint kThreadM = 4u;
layout(constant_id = 10) const uint kThreadN = 1u;  // groups of 4 columns

const uint kDepth = 4u;  // groups of k in a step
const uint kColumns = kTileN / 4u;
const uint kLanesM = kTileM / kThreadM;
const uint kLanesN = kColumns / kThreadN;
const uint kSlotsA = kDepth * kTileM / kThreads;    // groups that an invocation fetches a step
const uint kSlotsB = kDepth * kTileN / kThreads;

shared TILE4 tile_a[2u * kDepth * kTileM];
shared TILE4 tile_b[2u * kDepth * kTileN];

vec4 sums[kThreadM][kThreadN];

// Where this invocation's sums lie in the tile.
uint row_of(uint i) { return gl_LocalInvocationID.x % kLanesM + i * kLanesM; }
uint column_of(uint j) { return gl_LocalInvocationID.x / kLanesM + j * kLanesN; }
// What it fetches: row and group of k of slot s on the left; k (0..15) and group of columns on the right. Neighbours
// fetch neighbours in memory: rows, or where TILE_ALONG_K says so groups of k.
#ifndef TILE_ALONG_K
#define TILE_ALONG_K false
#endif
uint fetch_row(uint s) {
  if (TILE_ALONG_K) return (gl_LocalInvocationID.x + s * kThreads) / kDepth;
  return gl_LocalInvocationID.x % kTileM;
}
uint fetch_depth(uint s) {
  if (TILE_ALONG_K) return gl_LocalInvocationID.x % kDepth;
  return gl_LocalInvocationID.x / kTileM + s * (kThreads / kTileM);
}
uint fetch_k(uint s) { return (gl_LocalInvocationID.x + s * kThreads) / kColumns; }
uint fetch_column() { return gl_LocalInvocationID.x % kColumns; }

void clear_sums() {
  [[unroll]] for (uint i = 0u; i < kThreadM; ++i) {
    [[unroll]] for (uint j = 0u; j < kThreadN; ++j) sums[i][j] = vec4(0.0);
  }
}

void put_tiles(uint side, TILE4 a[kSlotsA], TILE4 b[kSlotsB]) {
  [[unroll]] for (uint s = 0u; s < kSlotsA; ++s) {
    tile_a[(side * kDepth + fetch_depth(s)) * kTileM + fetch_row(s)] = a[s];
  }
  [[unroll]] for (uint s = 0u; s < kSlotsB; ++s) {
    tile_b[side * kDepth * kTileN + gl_LocalInvocationID.x + s * kThreads] = b[s];
  }
}

void multiply_tiles(uint side) {
#ifdef TILE_HALF
  TILE4 part[kThreadM][kThreadN];
  [[unroll]] for (uint i = 0u; i < kThreadM; ++i) {
    [[unroll]] for (uint j = 0u; j < kThreadN; ++j) part[i][j] = TILE4(0.0);
  }
#else
#define part sums
#endif
  for (uint d = 0u; d < kDepth; ++d) {
    TILE4 a[kThreadM];
    [[unroll]] for (uint i = 0u; i < kThreadM; ++i) a[i] = tile_a[(side * kDepth + d) * kTileM + row_of(i)];
    [[unroll]] for (uint c = 0u; c < 4u; ++c) {
      [[unroll]] for (uint j = 0u; j < kThreadN; ++j) {
        const TILE4 b = tile_b[((side * kDepth + d) * 4u + c) * kColumns + column_of(j)];
        [[unroll]] for (uint i = 0u; i < kThreadM; ++i) part[i][j] += a[i][c] * b;
      }
    }
  }
#ifdef TILE_HALF
  [[unroll]] for (uint i = 0u; i < kThreadM; ++i) {
    [[unroll]] for (uint j = 0u; j < kThreadN; ++j) sums[i][j] += vec4(part[i][j]);
  }
#else
#undef part
#endif
}

TILE4 tile_of(vec4 value) { return TILE4(value); }
TILE4 tile_of_halves(uint64_t bits) {
  const uvec2 words = unpackUint2x32(bits);
#ifdef TILE_HALF
  return TILE4(unpackFloat2x16(words.x), unpackFloat2x16(words.y));
#else
  return vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y));
#endif
}

// Steps `first` up to `last`: fetch_tiles(step) is the including shader's and fills these.
TILE4 fetched_a[kSlotsA], fetched_b[kSlotsB];
#define MULTIPLY_STEPS(first, last) \
  clear_sums(); \
  fetch_tiles(first); \
  put_tiles(0u, fetched_a, fetched_b); \
  barrier(); \
  for (uint step = (first), side = 0u; step < (last); ++step, side ^= 1u) { \
    const bool more = step + 1u < (last); \
    if (more) fetch_tiles(step + 1u); \
    multiply_tiles(side); \
    if (more) put_tiles(side ^ 1u, fetched_a, fetched_b); \
    barrier(); \
  }

#endif
