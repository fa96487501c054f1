// Products of whole numbers of few bits, which the operators of quantised networks become: when and how they
// run as dot products of signed bytes (the variants "tiled.*.bytes").
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/operator.hpp"

namespace tarsier::kernels {

/// Attribute of Conv and MatMul: input 0 holds whole numbers, the least of them this one, the largest 255
/// more.
inline constexpr const char* kBytesFrom = "bytes_from";

/// The attribute for an operator that writes itself out: the least that input `x` less its zero point (input
/// `zero`, may be absent) can be, where `x` holds bytes and the zero point is one known number.
[[nodiscard]] std::optional<int64_t> least_difference(const graph::NodeBuilder& builder, size_t x,
                                                      size_t zero);
/// What taken off such numbers leaves signed bytes; nothing without the attribute.
[[nodiscard]] std::optional<int64_t> middle_of_bytes(const graph::Node& node);

/// Weights as signed bytes times a power of two for each line (an output channel): nothing is rounded.
struct ByteWeights {
  std::vector<int8_t> values;  // [lines][n]
  std::vector<float> scale;    // of a line
  std::vector<int64_t> sum;    // of a line's values
};
/// `weights` [lines][n]; nothing where bytes do not hold them. `scaled`: any power of two will do, else 1.
[[nodiscard]] std::optional<ByteWeights> byte_weights(std::span<const float> weights, int64_t lines,
                                                      bool scaled);

/// Four of them in a word: `value` into byte `k` % 4 of it.
inline void put_byte(uint32_t& word, int64_t k, int8_t value) {
  word |= uint32_t(uint8_t(value)) << (k % 4 * 8);
}

}  // namespace tarsier::kernels
