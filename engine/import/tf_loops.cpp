// While loops of TensorFlow's first control flow (Enter, Merge, Switch, NextIteration, Exit) whose number of
// turns the file decides, as a map over a batch is: each turn becomes nodes of its own, and the lists that
// such a loop reads and fills become the values in them. Other loops stay, and are reported by their
// operators.
#include <algorithm>
#include <memory>

#include "import/tf_importer.hpp"

namespace tarsier::import {
namespace {

constexpr size_t kMaxTurns = 1024, kMaxNewNodes = 200'000, kMaxDepth = 2000;
constexpr int64_t kMaxListLength = 4096;

/// What is known of a value in one turn of the loop.
struct Known {
  struct List {
    std::string tensor;                // the rows of this value, or
    std::vector<std::string> entries;  // references; "": not set yet
  };
  std::string reference;
  std::optional<int64_t> integer;  // a single one
  std::shared_ptr<const List> list;
};

std::optional<int64_t> folded(const std::string& op, const std::vector<int64_t>& v) {
  if (v.size() == 1) {
    if (op == "Identity" || op == "Cast" || op == "LoopCond") return v[0];
    if (op == "LogicalNot") return v[0] == 0 ? 1 : 0;
    return std::nullopt;
  }
  if (v.size() != 2) return std::nullopt;
  // Counters: what would overflow 32 bits is none.
  constexpr int64_t kLimit = int64_t{1} << 31;
  if (std::max(v[0], v[1]) > kLimit || std::min(v[0], v[1]) < -kLimit) return std::nullopt;
  if (op == "Less") return v[0] < v[1];
  if (op == "LessEqual") return v[0] <= v[1];
  if (op == "Greater") return v[0] > v[1];
  if (op == "GreaterEqual") return v[0] >= v[1];
  if (op == "Equal") return v[0] == v[1];
  if (op == "NotEqual") return v[0] != v[1];
  if (op == "LogicalAnd") return v[0] != 0 && v[1] != 0;
  if (op == "LogicalOr") return v[0] != 0 || v[1] != 0;
  if (op == "Add" || op == "AddV2") return v[0] + v[1];
  if (op == "Sub") return v[0] - v[1];
  if (op == "Minimum") return std::min(v[0], v[1]);
  if (op == "Maximum") return std::max(v[0], v[1]);
  return std::nullopt;
}

class LoopUnroller {
 public:
  explicit LoopUnroller(TfModel& model) : model_(model) {
    for (size_t i = 0; i < model.nodes.size(); ++i) by_name_.emplace(model.nodes[i].name, i);
  }

  void run() {
    std::map<std::string, Frame> frames;
    for (const TfNode& node : model_.nodes)
      if (node.op == "Enter") frames[node.text("frame_name", "")].enters.push_back(node.name);
    for (auto& [name, frame] : frames)
      if (complete(frame)) unroll(frame);
    // Lists that are read behind the loop.
    for (size_t i = 0; i < model_.nodes.size(); ++i) {
      if (model_.nodes[i].op != "TensorListStack" || model_.nodes[i].inputs.empty()) continue;
      const auto exit = exits_.find(tf_split_key(tf_output_key(model_.nodes[i].inputs[0])).first);
      if (exit == exits_.end() || !exit->second.list) continue;
      const Known::List& list = *exit->second.list;
      TfNode& node = model_.nodes[i];
      if (!list.tensor.empty()) {
        node.op = "Identity";
        node.inputs = {list.tensor};
      } else if (!list.entries.empty() && std::ranges::find(list.entries, "") == list.entries.end()) {
        node.op = "Pack";
        node.inputs = list.entries;
        node.attributes = {{"axis", int64_t{0}}};
      }
    }
  }

 private:
  struct Variable {
    std::string merge, from, next, leave;  // leave: the Switch that the value passes, "" where none reads it
    std::vector<std::string> exits;
  };
  struct Frame {
    std::vector<std::string> enters;
    std::vector<Variable> variables;
    std::string condition;
  };

  [[nodiscard]] const TfNode* find(const std::string& reference) const {
    const auto found = by_name_.find(tf_split_key(tf_output_key(reference)).first);
    return found == by_name_.end() ? nullptr : &model_.nodes[found->second];
  }

  /// Finds the loop's parts; false where it is of another form.
  bool complete(Frame& frame) {
    for (const std::string& name : frame.enters) {
      const TfNode& enter = *find(name);
      if (enter.inputs.size() != 1) return false;
      if (enter.flag("is_constant")) {
        invariant_[name + ":0"] = enter.inputs[0];
        continue;
      }
      Variable variable;
      variable.from = enter.inputs[0];
      for (const TfNode& node : model_.nodes) {
        if (node.op != "Merge" || node.inputs.size() != 2) continue;
        const size_t side = tf_output_key(node.inputs[0]) == name + ":0" ? 0 : 1;
        if (tf_output_key(node.inputs[side]) != name + ":0") continue;
        const TfNode* next = find(node.inputs[1 - side]);
        if (next == nullptr || next->op != "NextIteration" || next->inputs.size() != 1) return false;
        variable.merge = node.name;
        variable.next = next->inputs[0];
      }
      if (variable.merge.empty()) return false;
      for (const TfNode& node : model_.nodes) {
        if (node.op != "Switch" || node.inputs.size() != 2 ||
            tf_output_key(node.inputs[0]) != variable.merge + ":0")
          continue;
        const TfNode* condition = find(node.inputs[1]);
        if (condition == nullptr || condition->op != "LoopCond" || condition->inputs.size() != 1 ||
            !variable.leave.empty())
          return false;
        if (!frame.condition.empty() && frame.condition != condition->inputs[0]) return false;
        frame.condition = condition->inputs[0];
        variable.leave = node.name;
      }
      for (const TfNode& node : model_.nodes)
        if (node.op == "Exit" && !variable.leave.empty() && node.inputs.size() == 1 &&
            tf_output_key(node.inputs[0]) == variable.leave + ":0")
          variable.exits.push_back(node.name);
      frame.variables.push_back(std::move(variable));
    }
    return !frame.condition.empty();
  }

  void unroll(const Frame& frame) {
    failed_ = false;
    const size_t old_size = model_.nodes.size();
    turn_.clear();
    suffix_.clear();
    std::vector<Known> state;
    for (const Variable& variable : frame.variables) state.push_back(evaluate(variable.from, 0));
    for (size_t turn = 0; !failed_; ++turn) {
      turn_.clear();
      suffix_ = fmt::format("/turn{}", turn);
      for (size_t i = 0; i < state.size(); ++i) {
        turn_[frame.variables[i].merge + ":0"] = state[i];
        if (!frame.variables[i].leave.empty()) turn_[frame.variables[i].leave + ":1"] = state[i];
      }
      const Known condition = evaluate(frame.condition, 0);
      if (!condition.integer || (*condition.integer != 0 && turn == kMaxTurns)) failed_ = true;
      if (failed_ || *condition.integer == 0) break;
      std::vector<Known> next;
      for (const Variable& variable : frame.variables) next.push_back(evaluate(variable.next, 0));
      state = std::move(next);
    }
    if (failed_) {
      // Whatever was added is read by none: it goes again.
      for (size_t i = old_size; i < model_.nodes.size(); ++i) by_name_.erase(model_.nodes[i].name);
      model_.nodes.resize(old_size);
      return;
    }
    for (size_t i = 0; i < state.size(); ++i)
      for (const std::string& name : frame.variables[i].exits) {
        exits_[name] = state[i];
        if (state[i].list) continue;
        TfNode& exit = model_.nodes[by_name_.at(name)];
        exit.op = "Identity";
        exit.inputs = {materialised(state[i])};
      }
  }

  std::string add(TfNode node) {
    const std::string wanted = node.name;
    for (int i = 2; by_name_.contains(node.name); ++i) node.name = fmt::format("{}.{}", wanted, i);
    if (++added_ > kMaxNewNodes) failed_ = true;
    std::string name = node.name;
    by_name_.emplace(name, model_.nodes.size());
    model_.nodes.push_back(std::move(node));
    return name;
  }

  /// A reference to the value, which for an integer that was computed here is a constant.
  std::string materialised(const Known& known) {
    if (!known.reference.empty() || !known.integer) return known.reference;
    return add_integer(*known.integer);
  }

  std::string add_integer(int64_t value) {
    const auto narrow = static_cast<int32_t>(value);
    TfNode node;
    node.name = fmt::format("loop/constant{}", model_.nodes.size());
    node.op = "Const";
    const std::string name = add(std::move(node));
    model_.constants.insert_or_assign(name, Tensor::of<int32_t>(DType::kI32, {}, std::span(&narrow, 1)));
    return name;
  }

  Known evaluate(const std::string& reference, size_t depth) {
    const std::string key = tf_output_key(reference);
    if (const auto found = turn_.find(key); found != turn_.end()) return found->second;
    if (const auto found = invariant_.find(key); found != invariant_.end() && depth < kMaxDepth)
      return evaluate(found->second, depth + 1);
    const auto [name, output] = tf_split_key(key);
    const auto at = by_name_.find(name);
    if (at == by_name_.end() || depth > kMaxDepth || failed_) {
      failed_ = true;
      return {};
    }
    const TfNode node = model_.nodes[at->second];  // a copy: nodes are added below
    Known known = evaluate_node(node, key, depth);
    turn_[key] = known;
    return known;
  }

  Known evaluate_node(const TfNode& node, const std::string& key, size_t depth) {
    Known known;
    known.reference = key;
    if (node.op == "Const") {
      const auto constant = model_.constants.find(node.name);
      if (constant == model_.constants.end() || constant->second.size() != 1 ||
          constant->second.dtype() == DType::kF32)
        return known;
      known.integer = constant->second.to_ints()[0];
      return known;
    }
    if (node.op == "Exit") {
      const auto exit = exits_.find(node.name);
      return exit == exits_.end() ? known : exit->second;
    }
    if (node.op == "Merge" || node.op == "Switch" || node.op == "NextIteration" || node.op == "Enter") {
      failed_ = true;  // of another loop
      return {};
    }
    std::vector<Known> inputs;
    bool changed = false, integers = true;
    for (const std::string& input : node.inputs) {
      if (input.empty()) {
        inputs.emplace_back();
        continue;
      }
      inputs.push_back(evaluate(input, depth + 1));
      if (failed_) return {};
      changed = changed || inputs.back().list || inputs.back().reference != tf_output_key(input);
      integers = integers && inputs.back().integer;
    }
    if (node.op.starts_with("TensorList")) return evaluate_list(node, inputs);
    if (integers && !inputs.empty()) {
      std::vector<int64_t> values;
      for (const Known& input : inputs) values.push_back(*input.integer);
      if (const auto value = folded(node.op, values)) {
        if (!changed)
          known.integer = value;  // the node itself stands for it
        else
          known = {"", value, nullptr};
        return known;
      }
    }
    if (!changed) return known;
    if (std::ranges::any_of(inputs, [](const Known& input) { return input.list != nullptr; })) {
      if (node.op == "Identity") return inputs[0];
      failed_ = true;
      return {};
    }
    // The same node for this turn; all its outputs are the copy's.
    const auto [name, output] = tf_split_key(key);
    std::string& copy = copies_[name + suffix_];
    if (copy.empty()) {
      TfNode turned = node;
      turned.name = node.name + suffix_;
      for (size_t i = 0; i < inputs.size(); ++i)
        if (!turned.inputs[i].empty()) turned.inputs[i] = materialised(inputs[i]);
      copy = add(std::move(turned));
    }
    known.reference = fmt::format("{}:{}", copy, output);
    return known;
  }

  Known evaluate_list(const TfNode& node, const std::vector<Known>& inputs) {
    const auto give_up = [this] {
      failed_ = true;
      return Known();
    };
    if (node.op == "TensorListReserve" && inputs.size() == 2 && inputs[1].integer &&
        *inputs[1].integer >= 0 && *inputs[1].integer <= kMaxListLength) {
      auto list = std::make_shared<Known::List>();
      list->entries.resize(static_cast<size_t>(*inputs[1].integer));
      return {"", std::nullopt, std::move(list)};
    }
    if (node.op == "TensorListFromTensor" && !inputs.empty() && !inputs[0].list) {
      auto list = std::make_shared<Known::List>();
      list->tensor = inputs[0].reference;
      return {"", std::nullopt, std::move(list)};
    }
    if (inputs.size() < 2 || !inputs[0].list || !inputs[1].integer || *inputs[1].integer < 0)
      return give_up();
    const Known::List& list = *inputs[0].list;
    const auto index = static_cast<size_t>(*inputs[1].integer);
    if (node.op == "TensorListGetItem") {
      if (list.tensor.empty()) {
        if (index >= list.entries.size() || list.entries[index].empty()) return give_up();
        return {list.entries[index], std::nullopt, nullptr};
      }
      TfNode row;
      row.name = node.name + suffix_;
      row.op = "GatherV2";
      row.inputs = {list.tensor, add_integer(*inputs[1].integer), add_integer(0)};
      return {add(std::move(row)) + ":0", std::nullopt, nullptr};
    }
    if (node.op == "TensorListSetItem" && inputs.size() == 3 && index < list.entries.size()) {
      auto changed = std::make_shared<Known::List>(list);
      changed->entries[index] = materialised(inputs[2]);
      if (changed->entries[index].empty()) return give_up();
      return {"", std::nullopt, std::move(changed)};
    }
    return give_up();
  }

  TfModel& model_;
  std::unordered_map<std::string, size_t> by_name_;
  std::unordered_map<std::string, std::string> invariant_;  // of loop-invariant Enters
  std::unordered_map<std::string, Known> turn_;             // by output, in the present turn
  std::unordered_map<std::string, std::string> copies_;     // by node and turn
  std::unordered_map<std::string, Known> exits_;            // by Exit
  std::string suffix_;
  size_t added_ = 0;
  bool failed_ = false;
};

}  // namespace

void unroll_tf_loops(TfModel& model) {
  const bool loops = std::ranges::any_of(model.nodes, [](const TfNode& node) { return node.op == "Enter"; });
  if (loops) LoopUnroller(model).run();
}

}  // namespace tarsier::import
