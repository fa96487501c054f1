// Part of tile.glsl: ordinary arithmetic. An invocation holds kPartM rows x 4 kPartN columns of sums in registers. Its
// rows lie kLanesM apart and its column groups kLanesN apart, so that neighbours in a subgroup read neighbours in
// shared memory (no bank conflicts) and store neighbours.
//
// With TILE_BYTES sums are whole numbers of 32 bits. With TILE_HALF the 16 products of a step are summed in fp16 (packed on devices that have that), the steps in fp32, so
// that the error does not grow with k.
const uint kLanesM = kTileM / kPartM;
const uint kLanesN = kColumns / kPartN;

shared TILE_A tile_a[2u * kDepth * kTileM];
shared TILE_B tile_b[2u * kStepK * kColumns];
uint place_a(uint side, uint row, uint depth) { return (side * kDepth + depth) * kTileM + row; }
uint place_b(uint side, uint k, uint column) { return (side * kStepK + k) * kColumns + column; }

#ifdef TILE_BYTES
#define SUM4 ivec4
#else
#define SUM4 vec4
#endif
SUM4 sums[kPartM][kPartN];
uint row_of(uint i) { return gl_LocalInvocationID.x % kLanesM + i * kLanesM; }
uint column_of(uint j) { return gl_LocalInvocationID.x / kLanesM + j * kLanesN; }

void clear_sums() {
  [[unroll]] for (uint i = 0u; i < kPartM; ++i) {
    [[unroll]] for (uint j = 0u; j < kPartN; ++j) sums[i][j] = SUM4(0);
  }
}

#ifdef TILE_BYTES
void multiply_tiles(uint side) {
  for (uint d = 0u; d < kDepth; ++d) {
    uint a[kPartM];
    [[unroll]] for (uint i = 0u; i < kPartM; ++i) a[i] = tile_a[place_a(side, row_of(i), d)];
    [[unroll]] for (uint j = 0u; j < kPartN; ++j) {
      const uvec4 b = tile_b[place_b(side, d, column_of(j))];
      [[unroll]] for (uint i = 0u; i < kPartM; ++i) {
        [[unroll]] for (uint c = 0u; c < 4u; ++c) sums[i][j][c] += dot_packed(a[i], b[c], 0u);
      }
    }
  }
}
#else
void multiply_tiles(uint side) {
#ifdef TILE_HALF
  TILE4 part[kPartM][kPartN];
  [[unroll]] for (uint i = 0u; i < kPartM; ++i) {
    [[unroll]] for (uint j = 0u; j < kPartN; ++j) part[i][j] = TILE4(0.0);
  }
#else
#define part sums
#endif
  for (uint d = 0u; d < kDepth; ++d) {
    TILE4 a[kPartM];
    [[unroll]] for (uint i = 0u; i < kPartM; ++i) a[i] = tile_a[place_a(side, row_of(i), d)];
    [[unroll]] for (uint c = 0u; c < 4u; ++c) {
      [[unroll]] for (uint j = 0u; j < kPartN; ++j) {
        const TILE4 b = tile_b[place_b(side, d * 4u + c, column_of(j))];
        [[unroll]] for (uint i = 0u; i < kPartM; ++i) part[i][j] += a[i][c] * b;
      }
    }
  }
#ifdef TILE_HALF
  [[unroll]] for (uint i = 0u; i < kPartM; ++i) {
    [[unroll]] for (uint j = 0u; j < kPartN; ++j) sums[i][j] += vec4(part[i][j]);
  }
#else
#undef part
#endif
}
#endif

#define CLEAR_SUMS clear_sums();
#define MULTIPLY_TILES(side) multiply_tiles(side);
#define STORE_SUMS \
  [[unroll]] for (uint i = 0u; i < kPartM; ++i) { \
    [[unroll]] for (uint j = 0u; j < kPartN; ++j) store_sum(row_of(i), column_of(j), vec4(sums[i][j])); \
  }
