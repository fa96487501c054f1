// Part of tile.glsl: cooperative matrices (VK_KHR_cooperative_matrix), fp16 products summed in fp32. The workgroup's
// kPartM x kPartN subgroups divide the tile; each holds kBlocksM x kBlocksN blocks of sums of kM x kN. The sums leave
// through shared memory, a block at a time, so that every invocation ends with four channels of one pixel.
//
// MATRIX_EMULATED: the same walk with the four matrix instructions written out, so that devices without them can test
// every address and barrier of it (shaders/test/).
#extension GL_KHR_shader_subgroup_basic : require

layout(constant_id = 14) const uint kM = 16u;  // of one instruction: kM x kK by kK x kN
layout(constant_id = 15) const uint kN = 16u;
layout(constant_id = 16) const uint kK = 16u;
layout(constant_id = 17) const uint kSubgroup = 32u;  // invocations

const uint kSpanM = kTileM / kPartM, kSpanN = kTileN / kPartN;  // of a subgroup
const uint kBlocksM = kSpanM / kM, kBlocksN = kSpanN / kN;

// In groups of 4. Rows start at multiples of 16 bytes, as the instructions want it, and two groups more than needed
// shift them against each other, so that the rows of a block lie in different banks.
const uint kStrideA = kDepth + 2u, kStrideB = kColumns + 2u, kStrideStage = kN / 4u + 1u;

shared TILE4 tile_a[2u * kTileM * kStrideA];
shared TILE4 tile_b[2u * kDepth * 4u * kStrideB];
shared vec4 stage[kPartM * kPartN * kM * kStrideStage];
uint place_a(uint side, uint row, uint depth) { return (side * kTileM + row) * kStrideA + depth; }
uint place_b(uint side, uint k, uint column) { return (side * kDepth * 4u + k) * kStrideB + column; }

#ifdef MATRIX_EMULATED
// An operand is where it lies; the sums are dealt out among the lanes.
const uint kLaneSums = kM * kN / kSubgroup;
struct EmulatedSums {
  float v[kLaneSums];
};
void emulate_multiply(uint a, uint b, inout EmulatedSums sums) {
  [[dont_unroll]] for (uint e = 0u; e < kLaneSums; ++e) {
    const uint at = gl_SubgroupInvocationID + e * kSubgroup, row = at / kN, column = at % kN;
    [[dont_unroll]] for (uint k = 0u; k < kK; ++k) {
      sums.v[e] += float(tile_a[a + row * kStrideA + k / 4u][k % 4u]) *
                   float(tile_b[b + k * kStrideB + column / 4u][column % 4u]);
    }
  }
}
void emulate_store(EmulatedSums sums, uint to) {
  [[dont_unroll]] for (uint e = 0u; e < kLaneSums; ++e) {
    const uint at = gl_SubgroupInvocationID + e * kSubgroup, row = at / kN, column = at % kN;
    stage[to + row * kStrideStage + column / 4u][column % 4u] = sums.v[e];
  }
}
void emulate_clear(inout EmulatedSums sums) {
  [[dont_unroll]] for (uint e = 0u; e < kLaneSums; ++e) sums.v[e] = 0.0;
}
#define MATRIX_A uint
#define MATRIX_B uint
#define MATRIX_SUMS EmulatedSums
#define MATRIX_CLEAR(sums) emulate_clear(sums);
#define MATRIX_LOAD_A(a, from) a = from;
#define MATRIX_LOAD_B(b, from) b = from;
#define MATRIX_MULTIPLY(a, b, sums) emulate_multiply(a, b, sums);
#define MATRIX_STORE(sums, to) emulate_store(sums, to);
#else
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#define MATRIX_A coopmat<float16_t, gl_ScopeSubgroup, kM, kK, gl_MatrixUseA>
#define MATRIX_B coopmat<float16_t, gl_ScopeSubgroup, kK, kN, gl_MatrixUseB>
#define MATRIX_SUMS coopmat<float, gl_ScopeSubgroup, kM, kN, gl_MatrixUseAccumulator>
#define MATRIX_CLEAR(sums) sums = MATRIX_SUMS(0.0);
#define MATRIX_LOAD_A(a, from) coopMatLoad(a, tile_a, from, kStrideA, gl_CooperativeMatrixLayoutRowMajor);
#define MATRIX_LOAD_B(b, from) coopMatLoad(b, tile_b, from, kStrideB, gl_CooperativeMatrixLayoutRowMajor);
#define MATRIX_MULTIPLY(a, b, sums) sums = coopMatMulAdd(a, b, sums);
#define MATRIX_STORE(sums, to) coopMatStore(sums, stage, to, kStrideStage, gl_CooperativeMatrixLayoutRowMajor);
#endif

// Where this subgroup's part of the tile begins.
uint span_row() { return gl_SubgroupID / kPartN * kSpanM; }
uint span_column() { return gl_SubgroupID % kPartN * kSpanN; }

// Macros, so that the matrices are locals of main(): drivers keep these in registers.
#define CLEAR_SUMS \
  MATRIX_SUMS sums[kBlocksM * kBlocksN]; \
  [[unroll]] for (uint i = 0u; i < kBlocksM * kBlocksN; ++i) { MATRIX_CLEAR(sums[i]) }

#define MULTIPLY_TILES(side) \
  [[unroll]] for (uint k = 0u; k < kDepth * 4u; k += kK) { \
    MATRIX_A a[kBlocksM]; \
    [[unroll]] for (uint i = 0u; i < kBlocksM; ++i) { \
      MATRIX_LOAD_A(a[i], place_a(side, span_row() + i * kM, k / 4u)) \
    } \
    [[unroll]] for (uint j = 0u; j < kBlocksN; ++j) { \
      MATRIX_B b; \
      MATRIX_LOAD_B(b, place_b(side, k, (span_column() + j * kN) / 4u)) \
      [[unroll]] for (uint i = 0u; i < kBlocksM; ++i) { MATRIX_MULTIPLY(a[i], b, sums[i * kBlocksN + j]) } \
    } \
  }

#define STORE_SUMS \
  const uint staged = gl_SubgroupID * (kM * kStrideStage); \
  [[unroll]] for (uint i = 0u; i < kBlocksM; ++i) { \
    [[unroll]] for (uint j = 0u; j < kBlocksN; ++j) { \
      MATRIX_STORE(sums[i * kBlocksN + j], staged) \
      subgroupBarrier(); \
      for (uint e = gl_SubgroupInvocationID; e < kM * kN / 4u; e += kSubgroup) { \
        const uint row = e % kM, column = e / kM; \
        store_sum(span_row() + i * kM + row, (span_column() + j * kN) / 4u + column, \
                  stage[staged + row * kStrideStage + column]); \
      } \
      subgroupBarrier(); \
    } \
  }
