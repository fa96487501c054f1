// IF and WHILE of TensorFlow Lite, whose branches and bodies are further graphs of the file.
#include "import/tflite_detail.hpp"

namespace tarsier::import {
namespace {

using graph::Graph;
using graph::Node;
using Body = std::shared_ptr<Graph>;

// ---- from the file

/// What a graph is given and what it returns fits the operator.
bool fits(const Graph& body, size_t inputs, size_t outputs) {
  return body.inputs.size() == inputs && body.outputs.size() == outputs;
}

/// Operands and results stay integers where they are quantised: bodies have scales of their own.
Status add_stored_operands(TfliteOperator& op) {
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    TARSIER_TRY(std::string operand, op.context.stored_operand(i));
    if (operand.empty()) return input_error("input {} is missing", i);
    op.node.inputs.push_back(std::move(operand));
  }
  return {};
}

Result<bool> branch(TfliteOperator& op) {
  const auto* options = op.options<tflite::IfOptions>();
  if (options == nullptr || op.inputs.empty()) return false;
  TARSIER_TRY(const Body taken, op.context.body(options->then_subgraph()));
  TARSIER_TRY(const Body other, op.context.body(options->else_subgraph()));
  for (const Body& body : {taken, other})
    if (!fits(*body, op.inputs.size() - 1, op.outputs.size()))
      return input_error("a branch takes {} values and returns {}", body->inputs.size(),
                         body->outputs.size());
  TARSIER_CHECK(add_stored_operands(op));
  op.node.op = "If";
  op.node.attributes["then"] = taken;
  op.node.attributes["else"] = other;
  return true;
}

Result<bool> loop(TfliteOperator& op) {
  const auto* options = op.options<tflite::WhileOptions>();
  if (options == nullptr || op.inputs.empty() || op.inputs.size() != op.outputs.size()) return false;
  TARSIER_TRY(const Body condition, op.context.body(options->cond_subgraph()));
  TARSIER_TRY(const Body body, op.context.body(options->body_subgraph()));
  if (!fits(*condition, op.inputs.size(), 1) || !fits(*body, op.inputs.size(), op.inputs.size()))
    return input_error("its graphs take {} and {} values and return {} and {}; it has {}",
                       condition->inputs.size(), body->inputs.size(), condition->outputs.size(),
                       body->outputs.size(), op.inputs.size());
  TARSIER_CHECK(add_stored_operands(op));
  op.node.op = "While";
  op.node.attributes["condition"] = condition;
  op.node.attributes["body"] = body;
  return true;
}

// ---- into the graph

/// A graph as a branch of an If: all that it takes are values of the graph around.
Body as_branch(const Body& body) {
  auto branch = std::make_shared<Graph>(*body);
  branch->captures = branch->inputs.size();
  return branch;
}

Tensor yes() {
  Tensor tensor(graph::TensorDesc{DType::kBool, {}});
  tensor.as_mutable<uint8_t>()[0] = 1;
  return tensor;
}

Attributes branches(Body taken, Body other) {
  return {{"then_branch", std::move(taken)}, {"else_branch", std::move(other)}};
}

/// Adds `body` to `graph` as it is: the branch that is always taken.
std::vector<ValueId> called(Graph& graph, const std::string& name, const Body& body,
                            const std::vector<ValueId>& inputs) {
  Node node;
  node.op = "If";
  node.name = name;
  node.inputs = {graph.add_constant(name + "/always", yes())};
  node.inputs.insert(node.inputs.end(), inputs.begin(), inputs.end());
  node.attributes = branches(as_branch(body), std::make_shared<Graph>());
  for (size_t i = 0; i < body->outputs.size(); ++i)
    node.outputs.push_back(graph.add_value(fmt::format("{}:{}", name, i)));
  const auto results = node.outputs;
  graph.add_node(std::move(node));
  return results;
}

std::vector<ValueId> operands(TfImporter& tf, size_t from) {
  std::vector<ValueId> values;
  for (size_t i = from; i < tf.input_count(); ++i) values.push_back(tf.as_is(i));
  return values;
}

bool if_node(TfImporter& tf, const TfNode& node) {
  const Body taken = node.body("then"), other = node.body("else");
  const ValueId condition = tf.as_is(0);
  std::vector<ValueId> inputs = {condition};
  for (int branch = 0; branch < 2; ++branch)  // each has all of them
    for (const ValueId id : operands(tf, 1)) inputs.push_back(id);
  const auto results = tf.emit_many("If", std::move(inputs), taken->outputs.size(),
                                    branches(as_branch(taken), as_branch(other)));
  for (size_t i = 0; i < results.size(); ++i) tf.set_as_is(i, results[i], -1);
  return true;
}

/// ONNX's Loop has its condition computed by the round before: the first one is computed in front of it.
bool while_node(TfImporter& tf, const TfNode& node) {
  const Body condition = node.body("condition"), body = node.body("body");
  const auto state = operands(tf, 0);
  auto round = std::make_shared<Graph>();
  round->name = node.name;
  for (const char* name : {"round", "go_on"}) round->inputs.push_back(round->add_value(name));
  std::vector<ValueId> inner;
  for (size_t i = 0; i < state.size(); ++i) inner.push_back(round->add_value(fmt::format("state{}", i)));
  round->inputs.insert(round->inputs.end(), inner.begin(), inner.end());
  const auto next = called(*round, "body", body, inner);
  round->outputs = called(*round, "condition", condition, next);
  round->outputs.insert(round->outputs.end(), next.begin(), next.end());
  const auto first = called(tf.graph(), node.name + "/first", condition, state);
  std::vector<ValueId> inputs = {kNone, first[0]};
  inputs.insert(inputs.end(), state.begin(), state.end());
  const auto results = tf.emit_many("Loop", std::move(inputs), state.size(), {{"body", round}});
  for (size_t i = 0; i < results.size(); ++i) tf.set_as_is(i, results[i], -1);
  return true;
}

}  // namespace

void add_control_translations(TfliteTranslations& table) {
  table["IF"] = branch;
  table["WHILE"] = loop;
}

void add_control_operators(TfOperators& table) {
  table["If"] = if_node;
  table["While"] = while_node;
}

}  // namespace tarsier::import
