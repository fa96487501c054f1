// A matrix product through shared memory, for devices where that is fast (GPUs): the walk that the tiled kernels and
// those with cooperative matrices share.
//
// A workgroup computes a tile of kTileM rows x kTileN columns. It walks along k in steps of kDepth groups of 4: while
// it multiplies one step from shared memory, the next one is on its way from global memory into registers, and goes to
// the other side of the shared memory, so one barrier a step is enough. A row of the left operand is read as groups of
// 4 k (a kC4 pixel, or 4 neighbours of a row-major matrix), a row of the right one as groups of 4 columns.
//
// Who multiplies: tile_registers.glsl, or with TILE_MATRIX tile_matrix.glsl. TILE_HALF: fp16 in shared memory.
// TILE_BYTES: whole numbers as signed bytes, a group of 4 k in a word, so that a group of columns is four words and one
// instruction multiplies a group of k (SPV_KHR_integer_dot_product).
// The including shader
//   - leaves specialisation constants 6 to 10 and 14 to 17 to these files (engine/kernels/tiles.hpp),
//   - has fetch_tiles(step), which fills fetched_a and fetched_b for this invocation's slots,
//   - has store_sum(row, column group, four sums), both counted within the tile,
//   - does MULTIPLY_STEPS(first, last) and STORE_SUMS in its main().
#ifndef TARSIER_TILE_GLSL
#define TARSIER_TILE_GLSL

#ifdef TILE_BYTES
#extension GL_EXT_spirv_intrinsics : require
#endif
#ifdef TILE_MATRIX
#define TILE_HALF
#endif
#if defined(TILE_BYTES)
#define TILE_A uint
#define TILE_B uvec4
#elif defined(TILE_HALF)
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define TILE4 f16vec4
#define TILE_A TILE4
#define TILE_B TILE4
#else
#define TILE4 vec4
#define TILE_A TILE4
#define TILE_B TILE4
#endif

layout(local_size_x_id = 6) in;
layout(constant_id = 6) const uint kThreads = 64u;
layout(constant_id = 7) const uint kTileM = 32u;  // a divisor of kThreads
layout(constant_id = 8) const uint kTileN = 32u;
#ifdef TILE_MATRIX
layout(constant_id = 9) const uint kPartM = 2u;  // see tile_matrix.glsl
#else
layout(constant_id = 9) const uint kPartM = 4u;  // see tile_registers.glsl
#endif
layout(constant_id = 10) const uint kPartN = 1u;

#if defined(TILE_BYTES)
const uint kDepth = 16u, kStepK = kDepth;  // the right operand's rows of a step: groups of k, or each k
#elif defined(TILE_MATRIX)
const uint kDepth = 8u, kStepK = kDepth * 4u;
#else
const uint kDepth = 4u, kStepK = kDepth * 4u;
#endif
const uint kColumns = kTileN / 4u;
const uint kSlotsA = kDepth * kTileM / kThreads;  // groups that an invocation fetches a step
const uint kSlotsB = kStepK * kColumns / kThreads;

// What this invocation fetches: row and group of k of slot s on the left; k of the step and group of columns on the
// right. Neighbours fetch neighbours in memory: rows, or where TILE_ALONG_K says so groups of k.
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
uint fetch_column(uint s) { return (gl_LocalInvocationID.x + s * kThreads) % kColumns; }
TILE_A fetched_a[kSlotsA];
TILE_B fetched_b[kSlotsB];

#ifdef TILE_BYTES
spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6018, 6019], id = 4450)
int dot_packed(uint a, uint b, spirv_literal uint format);  // OpSDot; format 0: four bytes in a word
uint packed_bytes(ivec4 x) {
  return uint(x.x & 0xFF) | uint(x.y & 0xFF) << 8 | uint(x.z & 0xFF) << 16 | uint(x.w) << 24;
}
#else
TILE4 tile_of(vec4 value) { return TILE4(value); }
TILE4 tile_of_halves(uint64_t bits) {
  const uvec2 words = unpackUint2x32(bits);
#ifdef TILE_HALF
  return TILE4(unpackFloat2x16(words.x), unpackFloat2x16(words.y));
#else
  return vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y));
#endif
}
#endif

#ifdef TILE_MATRIX
#include "tile_matrix.glsl"
#else
#include "tile_registers.glsl"
#endif

void put_tiles(uint side) {
  [[unroll]] for (uint s = 0u; s < kSlotsA; ++s) tile_a[place_a(side, fetch_row(s), fetch_depth(s))] = fetched_a[s];
  [[unroll]] for (uint s = 0u; s < kSlotsB; ++s) tile_b[place_b(side, fetch_k(s), fetch_column(s))] = fetched_b[s];
}

#define MULTIPLY_STEPS(first, last) \
  CLEAR_SUMS \
  fetch_tiles(first); \
  put_tiles(0u); \
  barrier(); \
  for (uint step = (first), side = 0u; step < (last); ++step, side ^= 1u) { \
    const bool more = step + 1u < (last); \
    if (more) fetch_tiles(step + 1u); \
    MULTIPLY_TILES(side) \
    if (more) put_tiles(side ^ 1u); \
    barrier(); \
  }

#endif
