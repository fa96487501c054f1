#version 460
#extension GL_GOOGLE_include_directive : require
// Reductions of row-major tensors over any axes; engine/kernels/reduce.cpp. One lane owns one output.
#include "activation.glsl"
#include "nd_index.glsl"

layout(local_size_x = 16) in;
layout(constant_id = 2) const uint kOp = 0u;
layout(constant_id = 3) const uint kInteger = 0u;
layout(constant_id = 4) const uint kRank = 1u;
layout(constant_id = 5) const uint kLast = 0u;  // ArgMax, ArgMin: the last of equals

layout(push_constant, std430) uniform Push {
  uint64_t source, target, table;
  uint count;
  uint extent[3];
  uint stride[3];
  float divisor;
  POST_PUSH
} pc;

// Op in reduce.cpp.
const uint kSum = 0u, kMean = 1u, kMax = 2u, kMin = 3u, kProd = 4u, kArgMax = 5u, kArgMin = 6u, kL2 = 7u;
const uint kSumSquare = 8u;
const bool kIsMax = kOp == kMax || kOp == kArgMax;
const bool kIsMin = kOp == kMin || kOp == kArgMin;

bool better(float x, float best) { return kLast != 0u ? (kIsMax ? x >= best : x <= best) : (kIsMax ? x > best : x < best); }
bool better(int x, int best) { return kLast != 0u ? (kIsMax ? x >= best : x <= best) : (kIsMax ? x > best : x < best); }

void main() {
  const uint i = flat_group() * 16u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const uint base = uint(nd_offsets(pc.table, kRank, i).x);
  float total = kOp == kProd ? 1.0 : 0.0;
  int integer_total = kOp == kProd ? 1 : 0;
  if (kIsMax || kIsMin) {
    total = load_float(pc.source, base);
    integer_total = load_int(pc.source, base);
  }
  uint seen = 0u, at = 0u;
  for (uint u = 0u; u < pc.extent[0]; ++u) {
    for (uint v = 0u; v < pc.extent[1]; ++v) {
      const uint row = base + u * pc.stride[0] + v * pc.stride[1];
      for (uint w = 0u; w < pc.extent[2]; ++w) {
        const uint word = load_word(pc.source, row + w * pc.stride[2]);
        if (kInteger != 0u) {
          const int x = int(word);
          if (kIsMax || kIsMin) {
            const bool take = better(x, integer_total);
            integer_total = take ? x : integer_total;
            at = take ? seen : at;
          } else if (kOp == kProd) {
            integer_total *= x;
          } else {
            integer_total += kOp == kSumSquare ? x * x : x;
          }
        } else {
          const float x = uintBitsToFloat(word);
          if (kIsMax || kIsMin) {
            const bool take = better(x, total);
            total = take ? x : total;
            at = take ? seen : at;
          } else if (kOp == kProd) {
            total *= x;
          } else {
            total += kOp == kL2 || kOp == kSumSquare ? x * x : x;
          }
        }
        ++seen;
      }
    }
  }
  if (kOp == kArgMax || kOp == kArgMin) {
    store_word(pc.target, i, at);
  } else if (kInteger != 0u) {
    store_word(pc.target, i, uint(integer_total));
  } else {
    if (kOp == kMean) total /= pc.divisor;
    if (kOp == kL2) total = sqrt(total);
    store_float(pc.target, i, apply_post_ops(vec4(total), 0u, 0u, 0u).x);
  }
}
