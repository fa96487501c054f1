// TF operators that work element by element: they stay in the form (NHWC or NCHW) of their operands.
#include <algorithm>

#include "import/tf_importer.hpp"

namespace tarsier::import {
namespace {

/// The operands in one common form. Empty where there is none.
struct Operands {
  std::vector<ValueId> ids;
  bool nchw = false;
  int rank = 0;
};

Operands common_form(TfImporter& tf) {
  Operands out;
  bool any = false, all = true;
  for (size_t i = 0; i < tf.input_count(); ++i) {
    any = any || tf.prefers_nchw(i);
    // A constant of lower rank is extended by nchw(); a computed one would need a Reshape.
    all = all && (tf.rank(i) == 4 || (tf.constant(i) != nullptr && tf.rank(i) < 4));
    out.rank = tf.rank(i) < 0 || out.rank < 0 ? -1 : std::max(out.rank, tf.rank(i));
  }
  out.nchw = any && all;
  for (size_t i = 0; i < tf.input_count(); ++i) out.ids.push_back(tf.operand(i, out.nchw));
  return out;
}

bool finish(TfImporter& tf, const Operands& operands, ValueId result) {
  tf.set_result(0, result, operands.nchw, operands.rank);
  return true;
}

bool alias(TfImporter& tf, const TfNode& /*node*/) {
  tf.set_alias(0, tf.input(0));
  return true;
}

const std::unordered_map<std::string, std::string>& direct_names() {
  static const std::unordered_map<std::string, std::string> table = {
      // one operand
      {"Relu", "Relu"},
      {"Sigmoid", "Sigmoid"},
      {"Tanh", "Tanh"},
      {"Elu", "Elu"},
      {"Selu", "Selu"},
      {"Softplus", "Softplus"},
      {"Softsign", "Softsign"},
      {"Exp", "Exp"},
      {"Log", "Log"},
      {"Sqrt", "Sqrt"},
      {"Neg", "Neg"},
      {"Abs", "Abs"},
      {"Floor", "Floor"},
      {"Ceil", "Ceil"},
      {"Round", "Round"},
      {"Rint", "Round"},
      {"Reciprocal", "Reciprocal"},
      {"Inv", "Reciprocal"},
      {"Sign", "Sign"},
      {"Sin", "Sin"},
      {"Cos", "Cos"},
      {"Erf", "Erf"},
      {"LogicalNot", "Not"},
      {"HardSwish", "HardSwish"},
      {"Tan", "Tan"},
      {"Asin", "Asin"},
      {"Acos", "Acos"},
      {"Atan", "Atan"},
      {"Sinh", "Sinh"},
      {"Cosh", "Cosh"},
      {"Asinh", "Asinh"},
      {"Acosh", "Acosh"},
      {"Atanh", "Atanh"},
      {"IsNan", "IsNaN"},
      {"IsInf", "IsInf"},
      // two operands
      {"Add", "Add"},
      {"AddV2", "Add"},
      {"Sub", "Sub"},
      {"Mul", "Mul"},
      {"RealDiv", "Div"},
      {"Div", "Div"},
      {"FloorDiv", "FloorDiv"},
      {"FloorMod", "Mod"},
      {"Maximum", "Max"},
      {"Minimum", "Min"},
      {"Pow", "Pow"},
      {"Equal", "Equal"},
      {"Less", "Less"},
      {"LessEqual", "LessOrEqual"},
      {"Greater", "Greater"},
      {"GreaterEqual", "GreaterOrEqual"},
      {"LogicalAnd", "And"},
      {"LogicalOr", "Or"},
      {"LogicalXor", "Xor"},
      {"Prelu", "PRelu"},
      // three
      {"SelectV2", "Where"},
  };
  return table;
}

bool direct(TfImporter& tf, const TfNode& node) {
  const Operands operands = common_form(tf);
  return finish(tf, operands, tf.emit(direct_names().at(node.op), operands.ids));
}

bool clamp(TfImporter& tf, float low, float high) {
  const Operands x = common_form(tf);
  return finish(tf, x, tf.emit("Clip", {x.ids[0], tf.add_scalar("min", low), tf.add_scalar("max", high)}));
}

bool relu6(TfImporter& tf, const TfNode& /*node*/) {
  return clamp(tf, 0, 6);
}

bool relu_n1_to_1(TfImporter& tf, const TfNode& /*node*/) {
  return clamp(tf, -1, 1);
}

bool relu_0_to_1(TfImporter& tf, const TfNode& /*node*/) {
  return clamp(tf, 0, 1);
}

bool gelu(TfImporter& tf, const TfNode& node) {
  const Operands x = common_form(tf);
  return finish(
      tf, x,
      tf.emit("Gelu", x.ids, {{"approximate", std::string(node.flag("approximate") ? "tanh" : "none")}}));
}

bool log1p(TfImporter& tf, const TfNode& /*node*/) {
  const Operands x = common_form(tf);
  return finish(tf, x, tf.emit("Log", {tf.emit("Add", {x.ids[0], tf.add_scalar("one", 1)}, {}, "plus_one")}));
}

bool expm1(TfImporter& tf, const TfNode& /*node*/) {
  const Operands x = common_form(tf);
  return finish(tf, x, tf.emit("Sub", {tf.emit("Exp", x.ids, {}, "exp"), tf.add_scalar("one", 1)}));
}

/// ONNX's operators between integers and numbers with one scale and zero point: x stays in its form.
bool rescale(TfImporter& tf, const TfNode& node) {
  const bool nchw = tf.prefers_nchw(0);
  const ValueId x = tf.operand(0, nchw);
  const ValueId scale = tf.as_is(1), zero = tf.as_is(2);
  const ValueId result = tf.emit(node.op, {x, scale, zero});
  tf.set_result(0, result, nchw, tf.rank(0));
  return true;
}

bool leaky_relu(TfImporter& tf, const TfNode& node) {
  const Operands x = common_form(tf);
  return finish(tf, x, tf.emit("LeakyRelu", x.ids, {{"alpha", node.real("alpha", 0.2F)}}));
}

bool clip_by_value(TfImporter& tf, const TfNode& /*node*/) {
  if (tf.rank(1) != 0 || tf.rank(2) != 0) return false;
  const ValueId lowest = tf.as_is(1), highest = tf.as_is(2);
  const bool nchw = tf.prefers_nchw(0);
  const ValueId result = tf.emit("Clip", {tf.operand(0, nchw), lowest, highest});
  tf.set_result(0, result, nchw, tf.rank(0));
  return true;
}

bool rsqrt(TfImporter& tf, const TfNode& /*node*/) {
  const Operands x = common_form(tf);
  return finish(tf, x, tf.emit("Reciprocal", {tf.emit("Sqrt", x.ids, {}, "sqrt")}));
}

bool square(TfImporter& tf, const TfNode& /*node*/) {
  const Operands x = common_form(tf);
  return finish(tf, x, tf.emit("Mul", {x.ids[0], x.ids[0]}));
}

bool squared_difference(TfImporter& tf, const TfNode& /*node*/) {
  const Operands operands = common_form(tf);
  const ValueId difference = tf.emit("Sub", operands.ids, {}, "difference");
  return finish(tf, operands, tf.emit("Mul", {difference, difference}));
}

bool not_equal(TfImporter& tf, const TfNode& /*node*/) {
  const Operands operands = common_form(tf);
  return finish(tf, operands, tf.emit("Not", {tf.emit("Equal", operands.ids, {}, "equal")}));
}

bool add_n(TfImporter& tf, const TfNode& /*node*/) {
  const Operands operands = common_form(tf);
  if (operands.ids.empty()) return false;
  ValueId sum = operands.ids[0];
  for (size_t i = 1; i < operands.ids.size(); ++i) sum = tf.emit("Add", {sum, operands.ids[i]});
  return finish(tf, operands, sum);
}

bool truncated_mod(TfImporter& tf, const TfNode& /*node*/) {
  const Operands operands = common_form(tf);
  return finish(tf, operands, tf.emit("Mod", operands.ids, {{"fmod", int64_t{1}}}));
}

bool cast(TfImporter& tf, const TfNode& node) {
  const int64_t to = onnx_type_of(node.type("DstT"));
  if (to == 0) return false;
  const Operands x = common_form(tf);
  return finish(tf, x, tf.emit("Cast", x.ids, {{"to", to}}));
}

/// Version 1: a vector condition chooses rows, which Where does not.
bool select(TfImporter& tf, const TfNode& /*node*/) {
  if (tf.rank(0) != tf.rank(1) && tf.rank(0) != 0) return false;
  const Operands operands = common_form(tf);
  return finish(tf, operands, tf.emit("Where", operands.ids));
}

}  // namespace

void add_elementwise_operators(TfOperators& table) {
  for (const auto& [name, onnx] : direct_names()) table[name] = direct;
  for (const char* name : {"Identity", "StopGradient", "PreventGradient", "Snapshot", "CheckNumerics"})
    table[name] = alias;
  table["Relu6"] = relu6;
  table["ReluN1To1"] = relu_n1_to_1;
  table["Relu0To1"] = relu_0_to_1;
  table["Gelu"] = gelu;
  table["Log1p"] = log1p;
  table["Expm1"] = expm1;
  table["QuantizeLinear"] = table["DequantizeLinear"] = rescale;
  table["LeakyRelu"] = leaky_relu;
  table["ClipByValue"] = clip_by_value;
  table["Rsqrt"] = rsqrt;
  table["Square"] = square;
  table["SquaredDifference"] = squared_difference;
  table["NotEqual"] = not_equal;
  table["AddN"] = add_n;
  table["Mod"] = truncated_mod;
  table["Cast"] = cast;
  table["Select"] = select;
}

}  // namespace tarsier::import
