// Operators on sequences and optionals. A sequence is a list of values that exists while the graph is
// compiled (graph::Sequences); only its tensors reach the device.
#include <algorithm>

#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::kNone;
using graph::NodeBuilder;
using graph::ValueId;

constexpr size_t kMostInputs = 1U << 20U;
constexpr int64_t kMostParts = 100'000;  // that a tensor is split into

using WriteOut = Status (*)(NodeBuilder&);

class SequenceOperator : public Composite {
 public:
  SequenceOperator(std::string op_name, size_t min_inputs, size_t max_inputs, std::vector<size_t> values,
                   WriteOut write)
      : Composite(std::move(op_name), min_inputs, max_inputs), write_(write) {
    needs_values(std::move(values));
  }

 protected:
  Status write_out(NodeBuilder& builder) const override { return write_(builder); }

 private:
  WriteOut write_;
};

Result<std::vector<ValueId>> list_of(NodeBuilder& builder, size_t index) {
  const auto found = builder.sequences().find(builder.input(index));
  if (found == builder.sequences().end()) return input_error("input {} is no sequence", index);
  return found->second;
}

/// Negative positions count from the end; `end` counts as one where something is inserted.
Result<size_t> position_of(NodeBuilder& builder, size_t index, size_t size, bool end) {
  const auto values = builder.data(index)->to_ints();
  const auto count = int64_t(size);
  if (values.size() != 1 || values[0] < -count || values[0] > (end ? count : count - 1))
    return input_error("position {} in a sequence of {}", values.empty() ? 0 : values[0], count);
  return size_t(values[0] < 0 ? values[0] + count : values[0]);
}

ValueId integer(NodeBuilder& builder, int64_t value, DType type) {
  return builder.scalar(float(value), type);
}

Status construct(NodeBuilder& builder) {
  builder.set_sequence(0, builder.node().inputs);
  return {};
}

Status empty(NodeBuilder& builder) {
  builder.set_sequence(0, {});
  return {};
}

Status at(NodeBuilder& builder) {
  TARSIER_TRY(const auto list, list_of(builder, 0));
  TARSIER_TRY(const size_t position, position_of(builder, 1, list.size(), false));
  builder.set_output(0, list[position]);
  return {};
}

Status insert(NodeBuilder& builder) {
  TARSIER_TRY(auto list, list_of(builder, 0));
  size_t position = list.size();
  if (builder.input(2) != kNone) {
    TARSIER_TRY(position, position_of(builder, 2, list.size(), true));
  }
  list.insert(list.begin() + std::ptrdiff_t(position), builder.input(1));
  builder.set_sequence(0, std::move(list));
  return {};
}

Status erase(NodeBuilder& builder) {
  TARSIER_TRY(auto list, list_of(builder, 0));
  if (list.empty()) return input_error("the sequence is empty");
  size_t position = list.size() - 1;
  if (builder.input(1) != kNone) {
    TARSIER_TRY(position, position_of(builder, 1, list.size(), false));
  }
  list.erase(list.begin() + std::ptrdiff_t(position));
  builder.set_sequence(0, std::move(list));
  return {};
}

Status length(NodeBuilder& builder) {
  TARSIER_TRY(const auto list, list_of(builder, 0));
  builder.set_output(0, integer(builder, int64_t(list.size()), DType::kI64));
  return {};
}

Status concat(NodeBuilder& builder) {
  TARSIER_TRY(auto list, list_of(builder, 0));
  if (list.empty()) return input_error("the sequence is empty");
  const int64_t axis = builder.node().integer("axis", 0);
  if (builder.node().integer("new_axis", 0) != 0)
    for (ValueId& part : list) part = builder.add("Unsqueeze", {part, builder.ints({axis})});
  builder.finish("Concat", list, {{"axis", axis}});
  return {};
}

Status split(NodeBuilder& builder) {
  const Shape shape = builder.shape(0);
  TARSIER_TRY(const int64_t axis, normalize_axis(builder.node().integer("axis", 0), int64_t(shape.size())));
  const int64_t extent = shape[size_t(axis)];
  std::vector<int64_t> sizes;
  const Tensor* given = builder.data(1);
  if (given != nullptr && !given->shape().empty()) {
    if (given->size() > kMostParts)
      return input_error("{} parts, at most {} are supported", given->size(), kMostParts);
    sizes = given->to_ints();
  } else {
    const int64_t chunk = given == nullptr ? 1 : given->to_ints()[0];
    if (chunk < 1) return input_error("split={}", chunk);
    if (extent / chunk > kMostParts)
      return input_error("{} parts, at most {} are supported", extent / chunk, kMostParts);
    for (int64_t start = 0; start < extent; start += chunk) sizes.push_back(std::min(chunk, extent - start));
  }
  auto parts =
      builder.add_many("Split", {builder.input(0), builder.ints(sizes)}, sizes.size(), {{"axis", axis}});
  if (given == nullptr && builder.node().integer("keepdims", 1) == 0)
    for (ValueId& part : parts) part = builder.add("Squeeze", {part, builder.ints({axis})});
  builder.set_sequence(0, std::move(parts));
  return {};
}

/// The body once for each element of the first sequence; other sequences go along, tensors are repeated.
Status map(NodeBuilder& builder) {
  const graph::Node node = builder.node();
  if (node.body("body") == nullptr) return input_error("attribute 'body' is missing");
  const graph::Graph& body = *node.body("body");
  TARSIER_TRY(const auto first, list_of(builder, 0));
  std::vector<std::vector<ValueId>> results(body.outputs.size());
  for (size_t i = 0; i < first.size(); ++i) {
    std::vector<ValueId> inputs;
    for (const ValueId id : node.inputs) {
      const auto list = builder.sequences().find(id);
      if (list != builder.sequences().end() && list->second.size() != first.size())
        return input_error("sequences of {} and {} elements", first.size(), list->second.size());
      inputs.push_back(list == builder.sequences().end() ? id : list->second[i]);
    }
    const auto outputs = builder.inlined(body, inputs);
    for (size_t k = 0; k < outputs.size(); ++k) results[k].push_back(outputs[k]);
  }
  for (size_t k = 0; k < results.size(); ++k) builder.set_sequence(k, std::move(results[k]));
  return {};
}

/// An optional is its element, or nothing: an optional that is given is known to be one.
Status same(NodeBuilder& builder) {
  if (builder.input(0) == kNone) return input_error("the optional is empty");
  builder.set_output(0, builder.input(0));
  return {};
}

Status has_element(NodeBuilder& builder) {
  builder.set_output(0, integer(builder, builder.input(0) == kNone ? 0 : 1, DType::kBool));
  return {};
}

}  // namespace

void register_sequence(Registry& registry) {
  const auto add = [&](const char* name, size_t least, size_t most, std::vector<size_t> values,
                       WriteOut write) {
    registry.add(std::make_unique<SequenceOperator>(name, least, most, std::move(values), write));
  };
  add("SequenceConstruct", 1, kMostInputs, {}, construct);
  add("SequenceEmpty", 0, 0, {}, empty);
  add("SequenceAt", 2, 2, {1}, at);
  add("SequenceInsert", 2, 3, {2}, insert);
  add("SequenceErase", 1, 2, {1}, erase);
  add("SequenceLength", 1, 1, {}, length);
  add("ConcatFromSequence", 1, 1, {}, concat);
  add("SplitToSequence", 1, 2, {1}, split);
  add("SequenceMap", 1, kMostInputs, {}, map);
  add("Optional", 1, 1, {}, same);
  add("OptionalGetElement", 1, 1, {}, same);
  add("OptionalHasElement", 0, 1, {}, has_element);
}

}  // namespace tarsier::kernels
