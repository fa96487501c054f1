// Element types of model files by ONNX's numbers (TensorProto.DataType, which the attribute `to` of Cast and
// its like name), and how the engine holds each: all real types as fp32, unsigned integers in the next wider
// type, integers of fewer than 8 bits as bytes. Where the engine's type is wider than the file's, what writes
// a value rounds it (Cast, QuantizeLinear).
#pragma once

#include <cstdint>
#include <string>

#include "graph/graph.hpp"

namespace tarsier::graph {

enum class ElementType : int32_t {
  kUndefined = 0,
  kFloat,
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kInt32,
  kInt64,
  kString,
  kBool,
  kFloat16,
  kDouble,
  kUint32,
  kUint64,
  kComplex64,
  kComplex128,
  kBfloat16,
  kFloat8E4M3FN,
  kFloat8E4M3FNUZ,
  kFloat8E5M2,
  kFloat8E5M2FNUZ,
  kUint4,
  kInt4,
  kFloat4E2M1,
  kFloat8E8M0,
  kUint2,
  kInt2,
  kFloat6E2M3,
  kFloat6E3M2,
};

/// The type that the engine holds a file's type in. Errors: strings, complex numbers, unknown numbers.
Result<DType> dtype_of_onnx(int64_t number);
/// ONNX's number of an engine's type. Every real type is computed in fp32.
[[nodiscard]] int64_t onnx_type(DType type);
/// Bits of an element in a file's raw data, where elements of fewer than 8 follow each other without gaps,
/// the first in the lowest bits. 0 for types that are not held.
[[nodiscard]] uint32_t element_bits(ElementType type);
/// Whether the engine's type has the values of the file's type and (of integers: nearly) no others, so that
/// nothing is to be rounded or cut.
[[nodiscard]] bool is_held_exactly(ElementType type);

struct IntegerRange {
  int64_t low = 0, high = 0;
};
/// Of integers up to 16 bits; of int32 for others.
[[nodiscard]] IntegerRange integer_range(ElementType type);

/// A binary floating-point format of fewer digits than fp32, in terms of fp32's bits: what cast.comp and
/// quantize.comp get as push constants.
struct FloatRounding {
  uint32_t dropped = 0;     // digits of the mantissa that go
  uint32_t min_normal = 0;  // bits of the smallest normal number; below, the quantum is constant
  float per_quantum = 1;    // 1 / that quantum, a power of two
  uint32_t largest = 0;     // bits of the largest finite number
  uint32_t beyond = 0;      // bits of what is larger, infinity included: it, infinity or NaN
  uint32_t not_a_number = 0x7FC00000;
  uint32_t unsigned_zero = 0;  // 1: there is no -0
};
/// Null for types that are no such format (FLOAT8E8M0 among them). `saturate` is that of Cast: of the float8
/// types alone; where it does not hold, what is too large becomes infinity or NaN. (Micikevicius et al. 2022,
/// "FP8 formats for deep learning"; OCP Microscaling Formats specification 1.0; ONNX, operator Cast.)
[[nodiscard]] std::optional<FloatRounding> float_rounding(ElementType type, bool saturate = true);
/// To the nearest, ties to even.
[[nodiscard]] float rounded(float x, const FloatRounding& to);

/// FLOAT8E8M0: powers of two from 2^-127 to 2^127 and NaN. The magnitude counts; ONNX leaves negative numbers
/// open.
enum class PowerRounding : uint32_t { kUp = 0, kDown = 1, kNearest = 2 };  // kNearest: ties go up
[[nodiscard]] float rounded_to_power(float x, PowerRounding mode, bool saturate);

/// The number that `bits` of the format stand for. Types of float_rounding and FLOAT8E8M0, to 8 bits.
[[nodiscard]] float decode_small_float(ElementType type, uint32_t bits);

}  // namespace tarsier::graph
