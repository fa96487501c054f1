// RNN, GRU and LSTM, written out in one product for the inputs of all steps and RecurrentSteps
// (recurrent_steps.cpp), which walks the steps.
#include "kernels/recurrent.hpp"

#include <algorithm>

#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::kNone;
using graph::NodeBuilder;
using graph::ValueId;
using recurrent::Cell;
using recurrent::Function;

/// The activations of all directions as RecurrentSteps takes them: numbers of functions, alphas, betas.
struct Activations {
  std::vector<int64_t> functions;
  std::vector<float> alphas, betas;
};

/// ONNX hands out activation_alpha and activation_beta in order to the functions that take one.
Result<Activations> activations_of(const graph::Node& node, Cell cell, size_t directions) {
  auto names = node.texts("activations");
  const size_t each = cell == Cell::kRnn ? 1 : cell == Cell::kGru ? 2 : 3;
  if (names.empty()) {
    for (size_t d = 0; d < directions; ++d) {
      if (each > 1) names.emplace_back("Sigmoid");
      names.insert(names.end(), std::max<size_t>(each, 2) - 1, "Tanh");
    }
  }
  if (names.size() != directions * each)
    return input_error("{} activations ({} are expected)", names.size(), directions * each);
  const auto alphas = node.reals("activation_alpha"), betas = node.reals("activation_beta");
  size_t next_alpha = 0, next_beta = 0;
  Activations result;
  for (const std::string& name : names) {
    const auto function = recurrent::function_of(name);
    if (!function) return input_error("activation {}", name);
    const auto defaults = recurrent::defaults_of(*function);
    const auto take = [](const std::vector<float>& given, size_t& next,
                         const std::optional<float>& fallback) {
      if (!fallback) return 0.0F;
      return next < given.size() ? given[next++] : *fallback;
    };
    result.functions.push_back(int64_t(*function));
    result.alphas.push_back(take(alphas, next_alpha, defaults.alpha));
    result.betas.push_back(take(betas, next_beta, defaults.beta));
  }
  return result;
}

class RecurrentNetwork : public Composite {
 public:
  RecurrentNetwork(std::string op_name, Cell cell)
      : Composite(std::move(op_name), 3, cell == Cell::kLstm ? 8 : 6), cell_(cell) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const graph::Node& node = builder.node();
    for (size_t i = 0; i < 3; ++i)
      if (builder.shape(i).size() != 3) return input_error("X, W and R must have three axes");
    const bool batch_first = node.integer("layout", 0) != 0;
    const Shape &x_shape = builder.shape(0), &w_shape = builder.shape(1), &r_shape = builder.shape(2);
    const int64_t steps = x_shape[batch_first ? 1 : 0], batch = x_shape[batch_first ? 0 : 1];
    const int64_t inputs = x_shape[2], directions = w_shape[0], hidden = r_shape[2];
    const auto gates = int64_t(recurrent::gates_of(cell_));
    const std::string direction = node.text("direction", "forward");
    if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
      return input_error("direction={}", direction);
    if (directions != (direction == "bidirectional" ? 2 : 1) ||
        w_shape != Shape{directions, gates * hidden, inputs} ||
        r_shape != Shape{directions, gates * hidden, hidden} || node.integer("hidden_size", hidden) != hidden)
      return input_error("X {}, W {} and R {} don't fit", graph::to_string(x_shape),
                         graph::to_string(w_shape), graph::to_string(r_shape));
    TARSIER_TRY(const Activations activations, activations_of(node, cell_, size_t(directions)));

    // Every step's inputs times W at once: [steps * batch, directions * gates * hidden].
    const int64_t lines = directions * gates * hidden;
    const ValueId x = batch_first ? builder.transpose(builder.input(0), {1, 0, 2}) : builder.input(0);
    const ValueId rows = builder.reshape(x, {steps * batch, inputs});
    const ValueId w = builder.reshape(builder.transpose(builder.input(1), {2, 0, 1}), {inputs, lines});
    std::vector<ValueId> operands{rows, w};
    ValueId inner_bias = kNone;
    if (builder.input(3) != kNone) {
      if (builder.shape(3) != Shape{directions, 2 * gates * hidden})
        return input_error("B of shape {}", graph::to_string(builder.shape(3)));
      const ValueId bias = biases(builder, gates, hidden, inner_bias);
      operands.push_back(builder.reshape(bias, {lines}));
    }
    const ValueId projected =
        builder.reshape(builder.add("Gemm", std::move(operands)), {steps, batch, lines});

    // R as [direction][k][unit][gate], so that a lane reads its gates side by side.
    const ValueId split = builder.reshape(builder.input(2), {directions, gates, hidden, hidden});
    ValueId r = builder.transpose(split, {0, 3, 2, 1});
    if (gates == 3) r = builder.add("Pad", {r, builder.ints({0, 0, 0, 0, 0, 0, 0, 1})});

    const auto state = [&](size_t index) {
      const ValueId id = builder.input(index);
      return id != kNone && batch_first ? builder.transpose(id, {1, 0, 2}) : id;
    };
    NodeBuilder::Attributes attributes{{"cell", int64_t(cell_)},
                                       {"direction", direction},
                                       {"functions", activations.functions},
                                       {"alphas", activations.alphas},
                                       {"betas", activations.betas},
                                       {"clip", node.real("clip", 0)},
                                       {"linear_before_reset", int64_t{reset_after(node)}},
                                       {"input_forget", node.integer("input_forget", 0)}};
    const bool lstm = cell_ == Cell::kLstm;
    const auto results = builder.add_many("RecurrentSteps",
                                          {projected, r, inner_bias, builder.input(4), state(5),
                                           lstm ? state(6) : kNone, lstm ? builder.input(7) : kNone},
                                          lstm ? 3 : 2, std::move(attributes));
    builder.set_output(0, batch_first ? builder.transpose(results[0], {2, 0, 1, 3}) : results[0]);
    for (size_t i = 1; i < results.size(); ++i)
      builder.set_output(i, batch_first ? builder.transpose(results[i], {1, 0, 2}) : results[i]);
    return {};
  }

 private:
  [[nodiscard]] bool reset_after(const graph::Node& node) const {
    return cell_ == Cell::kGru && node.integer("linear_before_reset", 0) != 0;
  }

  /// The sum of both halves of B, [directions, gates * hidden]. Where the reset gate multiplies a product
  /// with its bias, that bias is left to `inner`.
  ValueId biases(NodeBuilder& builder, int64_t gates, int64_t hidden, ValueId& inner) const {
    const auto part = [&](int64_t from, int64_t to) {
      return builder.add("Slice", {builder.input(3), builder.ints({from * hidden}),
                                   builder.ints({to * hidden}), builder.ints({1})});
    };
    if (!reset_after(builder.node())) return builder.add("Add", {part(0, gates), part(gates, 2 * gates)});
    inner = part(5, 6);
    const ValueId outer = builder.add("Add", {part(0, 2), part(3, 5)});
    return builder.add("Concat", {outer, part(2, 3)}, {{"axis", int64_t{1}}});
  }

  Cell cell_;
};

}  // namespace

void register_recurrent(Registry& registry) {
  registry.add(std::make_unique<RecurrentNetwork>("RNN", Cell::kRnn));
  registry.add(std::make_unique<RecurrentNetwork>("GRU", Cell::kGru));
  registry.add(std::make_unique<RecurrentNetwork>("LSTM", Cell::kLstm));
  recurrent::register_steps(registry);
}

}  // namespace tarsier::kernels
