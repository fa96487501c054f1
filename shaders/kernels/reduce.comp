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
  uint extent[4];
  uint stride[4];
  uint start;  // what a reduction over nothing gives
  POST_PUSH
} pc;

// Op in reduce.cpp.
const uint kSum = 0u, kMean = 1u, kMax = 2u, kMin = 3u, kProd = 4u, kArgMax = 5u, kArgMin = 6u, kL2 = 7u;
const uint kSumSquare = 8u, kL1 = 9u, kLogSum = 10u, kLogSumExp = 11u;
const bool kIsMax = kOp == kMax || kOp == kArgMax;
const bool kIsMin = kOp == kMin || kOp == kArgMin;
const bool kIsReal = kInteger == 0u || kOp == kL2 || kOp == kLogSum || kOp == kLogSumExp;

bool better(float x, float best) { return kLast != 0u ? (kIsMax ? x >= best : x <= best) : (kIsMax ? x > best : x < best); }
bool better(int x, int best) { return kLast != 0u ? (kIsMax ? x >= best : x <= best) : (kIsMax ? x > best : x < best); }

// kLogSumExp keeps the greatest number (in `total`) and the sum of exp(x - greatest) beside it.
void add_exponential(float x, inout float greatest, inout float sum) {
  if (x == greatest) {
    sum += 1.0;
  } else if (x > greatest) {
    sum = sum * exp(greatest - x) + 1.0;
    greatest = x;
  } else {
    sum += exp(x - greatest);
  }
}

void main() {
  const uint i = flat_group() * 16u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  const uint base = uint(nd_offsets(pc.table, kRank, i).x);
  float total = uintBitsToFloat(pc.start), scaled_sum = 0.0;
  // The mean of integers starts at 0, which is the same word for both.
  int integer_total = int(pc.start);
  uint seen = 0u, at = 0u;
  for (uint t = 0u; t < pc.extent[0]; ++t) {
    for (uint u = 0u; u < pc.extent[1]; ++u) {
      for (uint v = 0u; v < pc.extent[2]; ++v) {
        const uint row = base + t * pc.stride[0] + u * pc.stride[1] + v * pc.stride[2];
        for (uint w = 0u; w < pc.extent[3]; ++w) {
          const uint word = load_word(pc.source, row + w * pc.stride[3]);
          if (!kIsReal) {
            const int x = int(word);
            if (kIsMax || kIsMin) {
              const bool take = better(x, integer_total);
              integer_total = take ? x : integer_total;
              at = take ? seen : at;
            } else if (kOp == kProd) {
              integer_total *= x;
            } else {
              integer_total += kOp == kSumSquare ? x * x : kOp == kL1 ? abs(x) : x;
            }
          } else {
            const float x = kInteger != 0u ? float(int(word)) : uintBitsToFloat(word);
            if (kIsMax || kIsMin) {
              const bool take = better(x, total);
              total = take ? x : total;
              at = take ? seen : at;
            } else if (kOp == kProd) {
              total *= x;
            } else if (kOp == kLogSumExp) {
              add_exponential(x, total, scaled_sum);
            } else {
              total += kOp == kL2 || kOp == kSumSquare ? x * x : kOp == kL1 ? abs(x) : x;
            }
          }
          ++seen;
        }
      }
    }
  }
  if (kOp == kArgMax || kOp == kArgMin) {
    store_word(pc.target, i, at);
    return;
  }
  if (kOp == kMean && kInteger != 0u) integer_total = seen == 0u ? 0 : integer_total / int(seen);
  if (!kIsReal) {
    store_word(pc.target, i, uint(integer_total));
    return;
  }
  if (kOp == kMean) total /= float(seen);
  if (kOp == kL2) total = sqrt(total);
  if (kOp == kLogSum) total = log(total);
  if (kOp == kLogSumExp) total += log(scaled_sum);
  if (kInteger != 0u) {
    store_word(pc.target, i, uint(int(total)));
  } else {
    store_float(pc.target, i, apply_post_ops(vec4(total), 0u, 0u, 0u).x);
  }
}
