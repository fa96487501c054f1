// Static shapes and types for every value, in one walk in execution order.
//
// Small values that are computed from constants (what exporters write as Shape -> Gather -> Concat ->
// Reshape) are evaluated on the way: the shape rules behind them read these constants. What is big is left to
// fold_constants.
#include <algorithm>
#include <iterator>
#include <limits>
#include <map>

#include "core/number.hpp"
#include "core/text.hpp"
#include "graph/passes/edit.hpp"
#include "graph/passes/evaluate.hpp"
#include "graph/passes/explicit.hpp"
#include "graph/passes/passes.hpp"

namespace tarsier::graph {
namespace {

constexpr int64_t kSmallElements = 4096;

/// Whether the extents are ones that the device can index (and that a damaged file did not make up). Those
/// beside a zero count, too: strides are products of them.
bool is_addressable(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) count = saturated_product(count, std::max<int64_t>(extent, 1));
  return count <= std::numeric_limits<int32_t>::max();
}

Status set_input_shapes(Graph& graph, const std::map<std::string, Shape>& input_shapes) {
  std::vector<std::string> names;
  for (const ValueId id : graph.inputs) names.push_back(graph.value(id).name);
  for (const auto& [name, shape] : input_shapes)
    if (std::ranges::find(names, name) == names.end())
      return input_error("network {} has no input '{}'{}; its inputs are {}", graph.name, name,
                         did_you_mean(name, names), join(names, ", "));
  for (const ValueId id : graph.inputs) {
    Value& value = graph.value(id);
    Shape& shape = value.desc.shape;
    if (const auto given = input_shapes.find(value.name); given != input_shapes.end()) {
      const Shape& wanted = given->second;
      bool fits = wanted.size() == shape.size() && is_static(wanted);
      for (size_t i = 0; fits && i < shape.size(); ++i) fits = shape[i] < 0 || shape[i] == wanted[i];
      if (!fits)
        return input_error("network {}: input '{}' is {}, which {} does not fit", graph.name, value.name,
                           to_string(shape), to_string(wanted));
      shape = wanted;
    }
    // A batch of unknown size is one frame; any other open extent is the caller's to choose.
    if (!shape.empty() && shape[0] < 0) shape[0] = 1;
    if (!is_static(shape))
      return input_error("network {}: input '{}' has open extents {}; say which size to compile for",
                         graph.name, value.name, to_string(shape));
    if (!is_addressable(shape))
      return input_error("network {}: input '{}' {} is too large", graph.name, value.name, to_string(shape));
  }
  return {};
}

/// Nodes that can't be run, grouped by operator and reason so that 60 equal refusals make one entry.
class Refusals {
 public:
  void add(const Node& node, std::string_view reason) {
    std::string key = reason.empty() ? node.op : fmt::format("{} ({})", node.op, reason);
    const auto found = std::ranges::find(groups_, key, &Group::first);
    std::string name = node.name.empty() ? std::string("unnamed") : node.name;
    if (found != groups_.end())
      found->second.push_back(std::move(name));
    else
      groups_.emplace_back(std::move(key), std::vector<std::string>{std::move(name)});
    ++count_;
  }
  [[nodiscard]] bool empty() const { return groups_.empty(); }
  [[nodiscard]] Error error(const Graph& graph) const {
    std::vector<std::string> parts;
    for (const auto& [key, names] : groups_) parts.push_back(fmt::format("{} at {}", key, join(names, ", ")));
    return input_error("network {}: {} {} not supported: {}", graph.name, count_,
                       count_ == 1 ? "node is" : "nodes are", join(parts, "; "));
  }

 private:
  using Group = std::pair<std::string, std::vector<std::string>>;
  std::vector<Group> groups_;
  int count_ = 0;
};

/// One walk in execution order. Nodes are taken from the front of `pending_`; those that stay are put back
/// into the graph at the end.
class ShapeWalk {
 public:
  ShapeWalk(Graph& graph, const OpRegistry& ops, const ShapeOptions& options)
      : graph_(graph), ops_(ops), options_(options) {
    pending_.assign(std::make_move_iterator(graph.nodes.rbegin()),
                    std::make_move_iterator(graph.nodes.rend()));
    graph.nodes.clear();
    for (const ValueId id : graph.inputs)
      if (!take_known(id)) mark_known(id);
    std::erase_if(graph.inputs, [&](ValueId id) { return graph.constant(id) != nullptr; });
  }

  Status run() {
    while (!pending_.empty()) {
      Node node = std::move(pending_.back());
      pending_.pop_back();
      TARSIER_CHECK(visit(std::move(node)));
    }
    for (const ValueId id : graph_.outputs)
      if (sequences_.contains(id))
        return input_error("network {}: output '{}' is a sequence, which is not supported", graph_.name,
                           graph_.value(id).name);
    graph_.nodes = std::move(kept_);
    graph_.retain_nodes(std::vector<bool>(graph_.nodes.size(), true));
    if (!refusals_.empty()) return refusals_.error(graph_);
    if (!unfed_.empty() && (options_.needs == nullptr || options_.needs->empty()))
      return input_error("network {}: node {} reads what nothing computes", graph_.name, unfed_);
    return {};
  }

 private:
  // A loop of a damaged file must not fill the memory.
  static constexpr size_t kMostNodes = 200'000;

  void mark_known(ValueId id) {
    if (known_.size() <= size_t(id)) known_.resize(graph_.values.size(), false);
    known_[size_t(id)] = true;
  }
  [[nodiscard]] bool is_known(ValueId id) const {
    return id == kNone || graph_.constant(id) != nullptr ||
           (size_t(id) < known_.size() && known_[size_t(id)]) || sequences_.contains(id);
  }

  /// True where the content of the value is among those that were given.
  bool take_known(ValueId id) {
    const auto found = options_.known.find(graph_.value(id).name);
    if (found == options_.known.end()) return false;
    graph_.value(id).desc = found->second.desc();
    graph_.value(id).constant = found->second;
    return true;
  }

  /// True where nobody needs the node any more. Others of its outputs may still be computed: then the node
  /// writes a value that nobody reads in place of the known one.
  bool take_known_outputs(Node& node) {
    bool all = !options_.known.empty();
    for (ValueId& id : node.outputs) {
      if (id == kNone || options_.known.empty()) continue;
      const TensorDesc computed = graph_.value(id).desc;
      if (take_known(id)) {
        id = graph_.add_value(graph_.value(id).name + "/unread", computed);
        mark_known(id);
      } else {
        all = false;
      }
    }
    return all;
  }

  Status visit(Node node) {
    if (++visited_ > kMostNodes)
      return input_error("network {}: more than {} nodes after loops are unrolled (at node {})", graph_.name,
                         kMostNodes, node.name);
    folded_ = false;
    // Nobody can need it, and what reads a node may rely on an output.
    if (std::ranges::all_of(node.outputs, [](ValueId id) { return id == kNone; })) return {};
    if (const OpDef* op = ops_.find(node.op); op == nullptr) {
      refusals_.add(node, "");
    } else if (std::ranges::all_of(node.inputs, [&](ValueId id) { return is_known(id); })) {
      infer(node, *op);
      if (folded_) return {};
    } else if (unfed_.empty()) {
      // Behind a node that was refused, or in a body that is given less than it takes.
      unfed_ = node.name;
    }
    kept_.push_back(std::move(node));
    return {};
  }

  /// Sets folded_ where the node is not needed any more.
  void infer(Node& node, const OpDef& given_op) {
    // A sequence has no shape; what copies or hands it on is settled here.
    if (node.op == "Identity" && sequences_.contains(input_of(node, 0))) {
      sequences_[node.outputs[0]] = sequences_.at(node.inputs[0]);
      folded_ = true;
      return;
    }
    if (given_op.infer)
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (sequences_.contains(node.inputs[i]))
          return refusals_.add(node, fmt::format("input {} is a sequence", i));
    if (lacks_values(node, given_op)) return;
    // May add constants and rename the operator.
    if (const Status status = make_explicit(graph_, node); !status.ok())
      return refusals_.add(node, status.error().message);
    const OpDef* op = node.op == given_op.name ? &given_op : ops_.find(node.op);
    if (op == nullptr) return refusals_.add(node, "");
    if (op->expand && op->infer && expand(node, *op)) return;
    if (op->check)
      if (const Status status = op->check(graph_, node); !status.ok())
        return refusals_.add(node, status.error().message);
    if (op->expand && !op->infer) {
      expand(node, *op);
      return;
    }
    auto inferred = op->infer(graph_, node);
    if (!inferred.ok()) return refusals_.add(node, inferred.error().message);
    if (inferred->size() < node.outputs.size())
      return refusals_.add(node,
                           fmt::format("{} outputs, {} are computed", node.outputs.size(), inferred->size()));
    bool small = true;
    for (size_t output = 0; output < node.outputs.size(); ++output) {
      const ValueId id = node.outputs[output];
      if (id == kNone) continue;
      TensorDesc& desc = (*inferred)[output];
      if (!is_static(desc.shape))
        return refusals_.add(node, fmt::format("output shape {} depends on data", to_string(desc.shape)));
      if (!is_addressable(desc.shape))
        return refusals_.add(node, fmt::format("output {} is too large", to_string(desc.shape)));
      small = small && element_count(desc.shape) <= kSmallElements;
      graph_.value(id).desc = std::move(desc);
      mark_known(id);
    }
    if (take_known_outputs(node)) {
      folded_ = true;
      return;
    }
    if (!small || !is_foldable(graph_, node, *op)) return;
    if (const Status status = fold_node(graph_, node, *op); !status.ok())
      return refusals_.add(node, status.error().message);
    folded_ = true;
  }

  bool lacks_values(const Node& node, const OpDef& op) {
    bool lacks = false;
    for (const size_t index : op.plan_inputs) {
      const ValueId id = input_of(node, index);
      if (id == kNone || graph_.constant(id) != nullptr) continue;
      lacks = true;
      if (sequences_.contains(id))
        refusals_.add(node, fmt::format("input {} is a sequence", index));
      else if (options_.needs == nullptr)
        refusals_.add(node,
                      fmt::format("input {} ('{}') is computed at run time", index, graph_.value(id).name));
      else if (std::ranges::find(*options_.needs, id) == options_.needs->end())
        options_.needs->push_back(id);
    }
    return lacks;
  }

  /// False where nothing was added: an operator that has a kernel, too, stays as it is then.
  bool expand(const Node& node, const OpDef& op) {
    NodeBuilder builder(graph_, node, sequences_);
    if (const Status status = op.expand(builder); !status.ok()) {
      refusals_.add(node, status.error().message);
      return true;
    }
    auto added = builder.take();
    if (added.empty() && op.infer) return false;
    pending_.insert(pending_.end(), std::make_move_iterator(added.rbegin()),
                    std::make_move_iterator(added.rend()));
    folded_ = true;
    return true;
  }

  Graph& graph_;
  const OpRegistry& ops_;
  const ShapeOptions& options_;
  std::vector<Node> pending_;  // the next one last
  std::vector<Node> kept_;
  std::vector<bool> known_;  // by value; constants are known anyhow
  Sequences sequences_;
  Refusals refusals_;
  std::string unfed_;  // the first node that reads what is not known
  size_t visited_ = 0;
  bool folded_ = false;
};

}  // namespace

Status infer_shapes(Graph& graph, const OpRegistry& ops, const ShapeOptions& options) {
  TARSIER_CHECK(set_input_shapes(graph, options.input_shapes));
  return ShapeWalk(graph, ops, options).run();
}

}  // namespace tarsier::graph
