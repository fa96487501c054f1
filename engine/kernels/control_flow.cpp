// If, Loop and Scan, unrolled while shapes are inferred: a condition that the network computes is read back
// first (OpDef::plan_inputs), so that what is recorded for the device has no branches.
#include <algorithm>
#include <cmath>

#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::Graph;
using graph::kNone;
using graph::NodeBuilder;
using graph::ValueId;

constexpr size_t kMostInputs = 1U << 20U;  // states, scans and captured values
constexpr int64_t kMostSteps = 100'000;    // of a Scan, all of which are written out at once

Result<const Graph*> body_of(const graph::Node& node, std::string_view key) {
  const Graph* body = node.body(key);
  if (body == nullptr) return input_error("attribute '{}' is missing", key);
  return body;
}

/// The inputs of `node` from `first` on.
std::vector<ValueId> inputs_from(const graph::Node& node, size_t first, size_t count) {
  std::vector<ValueId> inputs;
  for (size_t i = first; i < first + count; ++i)
    inputs.push_back(i < node.inputs.size() ? node.inputs[i] : kNone);
  return inputs;
}

/// A constant in place of a declared but never computed tensor: no elements along `axis`.
ValueId empty_tensor(NodeBuilder& builder, TensorDesc desc, size_t axis) {
  desc.shape.insert(desc.shape.begin() + std::ptrdiff_t(std::min(axis, desc.shape.size())), 0);
  for (int64_t& extent : desc.shape) extent = std::max<int64_t>(extent, 0);
  return builder.constant(Tensor(desc));
}

/// Tensors of one shape, stacked along a new axis.
ValueId stacked(NodeBuilder& builder, const std::vector<ValueId>& parts, int64_t axis) {
  std::vector<ValueId> rows;
  for (const ValueId part : parts) rows.push_back(builder.add("Unsqueeze", {part, builder.ints({axis})}));
  return rows.size() == 1 ? rows[0] : builder.add("Concat", rows, {{"axis", axis}});
}

class If : public Composite {
 public:
  If() : Composite("If", 1, kMostInputs) { needs_values({0}); }

 protected:
  Status write_out(NodeBuilder& builder) const override {
    TARSIER_TRY(const Graph* taken, body_of(builder.node(), "then_branch"));
    TARSIER_TRY(const Graph* other, body_of(builder.node(), "else_branch"));
    TARSIER_TRY(const double condition, builder.number(0, "the condition (input 0)"));
    // Captured values follow in the order of the attributes' names: those of else_branch first.
    const bool yes = condition != 0;
    const Graph& body = yes ? *taken : *other;
    const auto results =
        builder.inlined(body, inputs_from(builder.node(), yes ? 1 + other->captures : 1, body.captures));
    if (results.size() < builder.node().outputs.size())
      return input_error("{} outputs, the branch has {}", builder.node().outputs.size(), results.size());
    for (size_t i = 0; i < results.size(); ++i) builder.set_output(i, results[i]);
    return {};
  }
};

/// One round is written out at a time: the rest is a Loop again, with one input more for each of its scan
/// outputs (a list of what the rounds so far gave) and attribute `round`.
class Loop : public Composite {
 public:
  Loop() : Composite("Loop", 0, kMostInputs) { needs_values({0, 1}); }

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const graph::Node& node = builder.node();
    TARSIER_TRY(const Graph* body, body_of(node, "body"));
    if (body->inputs.size() < 2 + body->captures) return input_error("its body takes too few inputs");
    const size_t states = body->inputs.size() - body->captures - 2;
    if (body->outputs.size() < 1 + states) return input_error("its body has too few outputs");
    const size_t scans = body->outputs.size() - 1 - states;
    const int64_t round = node.integer("round", 0);
    const auto state = inputs_from(node, 2, states);
    const auto captured = inputs_from(node, 2 + states, body->captures);
    const auto lists = inputs_from(node, 2 + states + body->captures, scans);
    double most = INFINITY, condition = 1;
    if (builder.input(0) != kNone) {
      TARSIER_TRY(most, builder.number(0, "the number of rounds (input 0)"));
    }
    if (builder.input(1) != kNone) {
      TARSIER_TRY(condition, builder.number(1, "the condition (input 1)"));
    }
    if (double(round) >= most || condition == 0) {
      for (size_t i = 0; i < states; ++i) builder.set_output(i, state[i]);
      for (size_t i = 0; i < scans; ++i) {
        const auto rounds = builder.sequences().find(lists[i]);
        const bool none = rounds == builder.sequences().end() || rounds->second.empty();
        builder.set_output(states + i,
                           none ? empty_tensor(builder, body->value(body->outputs[1 + states + i]).desc, 0)
                                : stacked(builder, rounds->second, 0));
      }
      return {};
    }
    std::vector<ValueId> inputs{builder.constant(Tensor::i64({}, std::span(&round, 1))),
                                builder.scalar(1, DType::kBool)};
    inputs.insert(inputs.end(), state.begin(), state.end());
    inputs.insert(inputs.end(), captured.begin(), captured.end());
    const auto results = builder.inlined(*body, inputs);
    graph::Node rest = node;
    rest.attributes["round"] = round + 1;
    // A condition that nobody gave ends nothing, whatever the body says.
    rest.inputs = {builder.input(0), results[0]};
    rest.inputs.insert(rest.inputs.end(), results.begin() + 1, results.begin() + 1 + std::ptrdiff_t(states));
    rest.inputs.insert(rest.inputs.end(), captured.begin(), captured.end());
    for (size_t i = 0; i < scans; ++i) {
      std::vector<ValueId> rounds;
      // Nobody else reads the list so far: a copy for each round would take the square of their number.
      if (auto so_far = builder.sequences().extract(lists[i])) rounds = std::move(so_far.mapped());
      rounds.push_back(results[1 + states + i]);
      rest.inputs.push_back(builder.add_sequence(std::move(rounds)));
    }
    builder.add_node(std::move(rest));
    return {};
  }
};

class Scan : public Composite {
 public:
  Scan() : Composite("Scan", 1, kMostInputs) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const graph::Node& node = builder.node();
    TARSIER_TRY(const Graph* body, body_of(node, "body"));
    const auto scan_inputs = size_t(std::max<int64_t>(0, node.integer("num_scan_inputs", 0)));
    const size_t formal = body->inputs.size() - body->captures;
    if (scan_inputs == 0 || scan_inputs > formal || node.inputs.size() < formal)
      return input_error("num_scan_inputs={} does not fit its body", node.integer("num_scan_inputs", 0));
    Parts parts;
    parts.body = body;
    parts.states = formal - scan_inputs;
    if (body->outputs.size() < parts.states) return input_error("its body has too few outputs");
    parts.captured = inputs_from(node, formal, body->captures);
    auto state = inputs_from(node, 0, parts.states);
    auto scanned = inputs_from(node, parts.states, scan_inputs);
    const size_t scans = body->outputs.size() - parts.states;
    parts.in_axes = node.integers("scan_input_axes", std::vector<int64_t>(scan_inputs, 0));
    parts.in_directions = node.integers("scan_input_directions", std::vector<int64_t>(scan_inputs, 0));
    parts.out_axes = node.integers("scan_output_axes", std::vector<int64_t>(scans, 0));
    parts.out_directions = node.integers("scan_output_directions", std::vector<int64_t>(scans, 0));
    if (parts.in_axes.size() != scan_inputs || parts.in_directions.size() != scan_inputs ||
        parts.out_axes.size() != scans || parts.out_directions.size() != scans)
      return input_error("its axes and directions do not fit its scan inputs and outputs");

    // Opset 8 had a batch axis in front of everything (attribute `batched`, set by the importer).
    const bool batched = node.integer("batched", 0) != 0;
    int64_t batch = 1;
    if (batched && scanned[0] != kNone) {
      const Shape& first = builder.graph().shape(scanned[0]);
      if (first.size() < 2) return input_error("scan input {} has no batch axis", graph::to_string(first));
      batch = first[0];
    }
    for (size_t i = 0; i < scan_inputs; ++i) {
      if (scanned[i] == kNone) return input_error("scan input {} is missing", i);
      Shape shape = builder.graph().shape(scanned[i]);
      if (batched && !shape.empty()) shape.erase(shape.begin());
      TARSIER_TRY(parts.in_axes[i], normalize_axis(parts.in_axes[i], int64_t(shape.size())));
      const int64_t length = shape[size_t(parts.in_axes[i])];
      if (i == 0) parts.length = length;
      if (length != parts.length) return input_error("its scan inputs differ in length");
      if (batch > kMostSteps || length * batch > kMostSteps)
        return input_error("{} steps, at most {} are written out", length * batch, kMostSteps);
    }
    std::vector<std::vector<ValueId>> rows;  // of each batch: states, then scan outputs
    for (int64_t b = 0; b < batch; ++b) {
      const auto taken = [&](const std::vector<ValueId>& values) {
        std::vector<ValueId> slices;
        for (const ValueId id : values) slices.push_back(batched ? at(builder, id, 0, b) : id);
        return slices;
      };
      rows.push_back(scan(builder, parts, taken(state), taken(scanned)));
    }
    for (size_t i = 0; i < body->outputs.size(); ++i) {
      std::vector<ValueId> of_batch;
      for (const auto& row : rows) of_batch.push_back(row[i]);
      builder.set_output(i, batched ? stacked(builder, of_batch, 0) : of_batch[0]);
    }
    return {};
  }

 private:
  struct Parts {
    const Graph* body = nullptr;
    size_t states = 0;
    int64_t length = 0;
    std::vector<ValueId> captured;
    std::vector<int64_t> in_axes, in_directions, out_axes, out_directions;
  };

  static ValueId at(NodeBuilder& builder, ValueId value, int64_t axis, int64_t index) {
    const ValueId place = builder.constant(Tensor::i64({}, std::span(&index, 1)));
    return builder.add("Gather", {value, place}, {{"axis", axis}});
  }

  static std::vector<ValueId> scan(NodeBuilder& builder, const Parts& parts, std::vector<ValueId> state,
                                   const std::vector<ValueId>& scanned) {
    const size_t scans = parts.body->outputs.size() - parts.states;
    std::vector<std::vector<ValueId>> lists(scans);
    for (int64_t step = 0; step < parts.length; ++step) {
      std::vector<ValueId> inputs = state;
      for (size_t i = 0; i < scanned.size(); ++i)
        inputs.push_back(at(builder, scanned[i], parts.in_axes[i],
                            parts.in_directions[i] == 0 ? step : parts.length - 1 - step));
      inputs.insert(inputs.end(), parts.captured.begin(), parts.captured.end());
      const auto results = builder.inlined(*parts.body, inputs);
      state.assign(results.begin(), results.begin() + std::ptrdiff_t(parts.states));
      for (size_t i = 0; i < scans; ++i) lists[i].push_back(results[parts.states + i]);
    }
    for (size_t i = 0; i < scans; ++i) {
      if (parts.out_directions[i] != 0) std::ranges::reverse(lists[i]);
      const auto& desc = parts.body->value(parts.body->outputs[parts.states + i]).desc;
      state.push_back(lists[i].empty()
                          ? empty_tensor(builder, desc, size_t(std::max<int64_t>(0, parts.out_axes[i])))
                          : stacked(builder, lists[i], parts.out_axes[i]));
    }
    return state;
  }
};

}  // namespace

void register_control_flow(Registry& registry) {
  registry.add(std::make_unique<If>());
  registry.add(std::make_unique<Loop>());
  registry.add(std::make_unique<Scan>());
}

}  // namespace tarsier::kernels
