// What RNN, GRU and LSTM share with the kernel that walks their steps.
#pragma once

#include <optional>
#include <string_view>

#include "kernels/operator.hpp"

namespace tarsier::kernels::recurrent {

/// Numbers that recurrent.comp knows the cells by. Gates in ONNX's order: RNN i; GRU z r h; LSTM i o f c.
enum class Cell : uint32_t { kRnn, kGru, kLstm };
[[nodiscard]] constexpr size_t gates_of(Cell cell) {
  return cell == Cell::kRnn ? 1 : cell == Cell::kGru ? 3 : 4;
}

/// Numbers that recurrent.comp knows the activations by.
enum class Function : uint32_t {
  kRelu,
  kTanh,
  kSigmoid,
  kAffine,  // alpha * x + beta
  kLeakyRelu,
  kThresholdedRelu,
  kScaledTanh,  // alpha * tanh(beta * x)
  kHardSigmoid,
  kElu,
  kSoftsign,
  kSoftplus,
};
/// By ONNX's name, in whatever case; empty for others.
[[nodiscard]] std::optional<Function> function_of(std::string_view name);
/// What stands for a number that is not given; empty where the function takes none.
struct Defaults {
  std::optional<float> alpha, beta;
};
[[nodiscard]] Defaults defaults_of(Function function);
[[nodiscard]] double evaluate(Function function, double x, double alpha, double beta);

void register_steps(Registry& registry);

}  // namespace tarsier::kernels::recurrent
