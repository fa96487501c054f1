// ONNX files that cannot be right (bad_model.hpp).
#include "infer/bad_model.hpp"
#include "support/onnx_file.hpp"

namespace tarsier::test {
namespace {

using Type = onnx::AttributeProto;
using Ints = std::vector<int64_t>;
constexpr int64_t kHuge = int64_t{1} << 62;

class BadOnnxTest : public BadModelTest {};

struct OnnxCase {
  const char* what;
  std::function<void(OnnxFile&)> fill;
  std::vector<const char*> says;
};

void whole(OnnxFile& file, const std::string& name, const Ints& values) {
  auto* tensor = file.weight(name, {int64_t(values.size())}, onnx::TensorProto::INT64);
  for (const int64_t value : values) tensor->add_int64_data(value);
}
void real(OnnxFile& file, const std::string& name, const Ints& shape, float value = 1) {
  auto* tensor = file.weight(name, shape, onnx::TensorProto::FLOAT);
  for (int64_t i = 0; i < graph::element_count(shape); ++i) tensor->add_float_data(value);
}
onnx::NodeProto* conv(OnnxFile& file, const Ints& weights = {3, 2, 3, 3}) {
  real(file, "w", weights);
  return file.node("Conv", {"x", "w"}, {"y"});
}
void external(OnnxFile& file, const char* location, const char* offset = "0") {
  auto* tensor = file.weight("w", {2}, onnx::TensorProto::FLOAT);
  tensor->set_data_location(onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : {std::pair{"location", location}, {"offset", offset}}) {
    auto* entry = tensor->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  file.node("Relu", {"x"}, {"y"});
}
/// y = OP(x, numbers)
std::function<void(OnnxFile&)> with_numbers(const char* op, Ints numbers) {
  return [op, numbers = std::move(numbers)](OnnxFile& file) {
    whole(file, "n", numbers);
    file.node(op, {"x", "n"}, {"y"});
  };
}
/// y = OP(numbers)
std::function<void(OnnxFile&)> of_numbers(const char* op, Ints numbers) {
  return [op, numbers = std::move(numbers)](OnnxFile& file) {
    whole(file, "n", numbers);
    file.node(op, {"n"}, {"y"});
  };
}
std::function<void(OnnxFile&)> conv_with(const char* key, Ints values) {
  return [key, values = std::move(values)](OnnxFile& file) { OnnxFile::ints(conv(file), key, values); };
}
std::function<void(OnnxFile&)> max_pool_with(const char* key, Ints values) {
  return [key, values = std::move(values)](OnnxFile& file) {
    auto* pool = file.node("MaxPool", {"x"}, {"y"});
    OnnxFile::ints(pool, key, values);
    if (std::string_view(key) != "kernel_shape") OnnxFile::ints(pool, "kernel_shape", {2, 2});
  };
}

const std::vector<OnnxCase>& onnx_cases() {
  static const std::vector<OnnxCase> cases = {
      {"a good file", [](OnnxFile& f) { conv(f); }, {}},

      // What reads and writes what.
      {"a cycle",
       [](OnnxFile& f) {
         f.node("Add", {"x", "b"}, {"a"});
         f.node("Add", {"x", "a"}, {"b"});
         f.node("Relu", {"b"}, {"y"});
       },
       {"damaged", "Add1"}},
      {"a node that reads itself",
       [](OnnxFile& f) {
         f.node("Add", {"x", "y"}, {"y"});
       },
       {"Add1"}},
      {"a value that nothing computes", [](OnnxFile& f) { f.node("Relu", {"z"}, {"y"}); }, {"'z'", "Relu1"}},
      {"an output that nothing computes", [](OnnxFile& f) { f.node("Relu", {"x"}, {"z"}); }, {"'y'"}},
      {"a value that is written twice",
       [](OnnxFile& f) {
         f.node("Relu", {"x"}, {"y"});
         f.node("Neg", {"x"}, {"y"});
       },
       {"'y'", "Neg2"}},
      {"an input that is written", [](OnnxFile& f) { f.node("Relu", {"x"}, {"x"}); }, {"'x'", "Relu1"}},
      {"two weights of one name",
       [](OnnxFile& f) {
         conv(f);
         real(f, "w", {1});
       },
       {"two weights named 'w'"}},
      {"two inputs of one name",
       [](OnnxFile& f) {
         OnnxFile::add_io(f.proto.mutable_graph()->add_input(), "x", {3});
         f.node("Relu", {"x"}, {"y"});
       },
       {"two inputs named 'x'"}},
      {"a name of two lines",
       [](OnnxFile& f) { f.node("Wob\nble", {"x"}, {"y"})->set_name("a\nb\r\x1B[31m"); },
       {"Wob?ble at a?b??[31m"}},
      {"too few operands", [](OnnxFile& f) { f.node("Conv", {"x"}, {"y"}); }, {"Conv1"}},
      {"too many operands",
       [](OnnxFile& f) {
         f.node("Relu", {"x", "x", "x"}, {"y"});
       },
       {"Relu1"}},
      {"too many results",
       [](OnnxFile& f) {
         f.node("Relu", {"x"}, {"y", "z"});
       },
       {"2 outputs", "Relu1"}},
      {"a function that calls itself",
       [](OnnxFile& f) {
         auto* function = f.proto.add_functions();
         function->set_name("F");
         function->set_domain("own");
         function->add_input("a");
         function->add_output("b");
         auto* call = function->add_node();
         call->set_op_type("F");
         call->set_domain("own");
         call->add_input("a");
         call->add_output("b");
         f.node("F", {"x"}, {"y"})->set_domain("own");
       },
       {"calls itself"}},
      {"functions that call each other twice",
       [](OnnxFile& f) {
         for (int i = 0; i < 40; ++i) {
           auto* function = f.proto.add_functions();
           function->set_name(fmt::format("F{}", i));
           function->set_domain("own");
           function->add_input("a");
           function->add_output("b");
           for (const auto& [from, to] : {std::pair{"a", "m"}, {"m", "b"}}) {
             auto* call = function->add_node();
             call->set_op_type(i == 39 ? "Relu" : fmt::format("F{}", i + 1));
             if (i < 39) call->set_domain("own");
             call->add_input(from);
             call->add_output(to);
           }
         }
         f.node("F0", {"x"}, {"y"})->set_domain("own");
       },
       {"more than 200000 nodes"}},
      {"a sequence where a tensor is read",
       [](OnnxFile& f) {
         f.node("SequenceConstruct", {"x", "x"}, {"s"});
         f.node("Relu", {"s"}, {"y"});
       },
       {"Relu2", "a sequence"}},
      {"a sequence as a shape",
       [](OnnxFile& f) {
         f.node("SequenceConstruct", {"x", "x"}, {"s"});
         f.node("Reshape", {"x", "s"}, {"y"});
       },
       {"Reshape2", "a sequence"}},
      {"a sequence that leaves the network",
       [](OnnxFile& f) {
         f.node("SequenceConstruct", {"x", "x"}, {"y"});
       },
       {"'y'", "a sequence"}},
      {"more parts than there should be",
       [](OnnxFile& f) {
         whole(f, "n", {1 << 20});
         f.node("ConstantOfShape", {"n"}, {"a"});
         f.node("SplitToSequence", {"a"}, {"s"});
         f.node("SequenceLength", {"s"}, {"y"});
       },
       {"SplitToSequence2", "parts"}},
      {"a branch that is given less than it takes",
       [](OnnxFile& f) {
         f.weight("c", {1}, onnx::TensorProto::BOOL)->add_int32_data(1);
         auto* branch = f.node("If", {"c"}, {"y"});
         for (const char* key : {"then_branch", "else_branch"}) {
           auto* body = OnnxFile::attribute(branch, key, Type::GRAPH)->mutable_g();
           OnnxFile::add_io(body->add_input(), "given", {1});
           OnnxFile::add_io(body->add_output(), "result", {1});
           auto* node = body->add_node();
           node->set_op_type("Relu");
           node->add_input("given");
           node->add_output("result");
         }
       },
       {"nothing computes"}},

      // Types and shapes that contradict each other.
      {"a sum of floats and integers", with_numbers("Add", {1}), {"Add1"}},
      {"a convolution of integers", of_numbers("Conv", {1}), {"Conv1"}},
      {"indices that are floats",
       [](OnnxFile& f) {
         f.node("Gather", {"x", "x"}, {"y"});
       },
       {"Gather1"}},
      {"a condition that is a float",
       [](OnnxFile& f) {
         f.node("Where", {"x", "x", "x"}, {"y"});
       },
       {"Where1"}},
      {"shapes that do not broadcast",
       [](OnnxFile& f) {
         real(f, "w", {3});
         f.node("Add", {"x", "w"}, {"y"});
       },
       {"do not broadcast", "Add1"}},
      {"a product of other extents",
       [](OnnxFile& f) {
         real(f, "w", {5, 2});
         f.node("MatMul", {"x", "w"}, {"y"});
       },
       {"MatMul1"}},
      {"a convolution of other channels",
       [](OnnxFile& f) {
         conv(f, {3, 5, 3, 3});
       },
       {"Conv1"}},
      {"a kernel larger than the picture",
       [](OnnxFile& f) {
         conv(f, {3, 2, 9, 9});
       },
       {"Conv1"}},
      {"a shape of other size", with_numbers("Reshape", {5, 5}), {"Reshape1"}},
      {"a joined shape that differs",
       [](OnnxFile& f) {
         real(f, "w", {1, 2, 4, 5});
         OnnxFile::integer(f.node("Concat", {"x", "w"}, {"y"}), "axis", 1);
       },
       {"Concat1"}},
      {"an axis that is not there",
       [](OnnxFile& f) { OnnxFile::integer(f.node("Softmax", {"x"}, {"y"}), "axis", 7); },
       {"axis 7", "Softmax1"}},
      {"a permutation that repeats",
       [](OnnxFile& f) {
         OnnxFile::ints(f.node("Transpose", {"x"}, {"y"}), "perm", {0, 1, 1, 2});
       },
       {"Transpose1"}},

      // Extents.
      {"a weight of negative extent",
       [](OnnxFile& f) {
         f.weight("w", {-3}, onnx::TensorProto::FLOAT);
         f.node("Relu", {"x"}, {"y"});
       },
       {"'w'", "impossible extents"}},
      {"a weight whose size overflows",
       [](OnnxFile& f) {
         f.weight("w", {kHuge, 4, 4}, onnx::TensorProto::FLOAT);
         f.node("Relu", {"x"}, {"y"});
       },
       {"'w'", "impossible extents"}},
      {"a weight that claims more than it has",
       [](OnnxFile& f) {
         f.weight("w", {1000}, onnx::TensorProto::FLOAT)->set_raw_data("1234");
         f.node("Relu", {"x"}, {"y"});
       },
       {"'w'", "4 bytes", "4000"}},
      {"a weight of texts",
       [](OnnxFile& f) {
         f.weight("w", {1}, onnx::TensorProto::STRING)->add_string_data("text");
         f.node("Relu", {"x"}, {"y"});
       },
       {"STRING"}},
      {"an input that no device can hold",
       [](OnnxFile& f) {
         f.proto.mutable_graph()->clear_input();
         OnnxFile::add_io(f.proto.mutable_graph()->add_input(), "x", {1, int64_t{1} << 40});
         f.node("Relu", {"x"}, {"y"});
       },
       {"too large"}},
      {"a result that no device can hold",
       [](OnnxFile& f) {
         f.proto.mutable_graph()->clear_input();
         OnnxFile::add_io(f.proto.mutable_graph()->add_input(), "x", {40000, 1});
         real(f, "w", {1, 40000});
         f.node("MatMul", {"x", "w"}, {"a"});
         f.node("Exp", {"a"}, {"b"});
         f.node("Concat", {"a", "b"}, {"y"})->add_attribute()->CopyFrom([] {
           Type axis;
           axis.set_name("axis");
           axis.set_type(Type::INT);
           return axis;
         }());
       },
       {"too large", "Concat3"}},
      {"a negative shape", with_numbers("Reshape", {-5, 2}), {"Reshape1"}},
      {"two open extents", with_numbers("Reshape", {-1, -1}), {"Reshape1"}},
      {"a shape that overflows", with_numbers("Reshape", {kHuge, kHuge, 4}), {"Reshape1"}},
      {"a constant of negative shape", of_numbers("ConstantOfShape", {-3}), {"ConstantOfShape1"}},
      {"a constant that fills the memory", of_numbers("ConstantOfShape", {1 << 20, 1 << 20}), {"too large"}},
      {"a constant whose size overflows", of_numbers("ConstantOfShape", {kHuge, 4}), {"too large"}},
      {"an expansion that overflows", with_numbers("Expand", {kHuge, 2, 4, 4}), {"Expand1"}},
      {"negative repeats", with_numbers("Tile", {1, 1, -2, 1}), {"Tile1"}},
      {"repeats that overflow", with_numbers("Tile", {kHuge, kHuge, 2, 2}), {"Tile1"}},
      {"pads that overflow", with_numbers("Pad", {0, 0, kHuge, kHuge, 0, 0, kHuge, kHuge}), {"Pad1"}},
      {"pads of another rank", with_numbers("Pad", {0, 0, 1}), {"Pad1"}},
      {"more largest than there are", with_numbers("TopK", {99}), {"TopK1"}},
      {"a range without end",
       [](OnnxFile& f) {
         for (const auto& [name, value] : {std::pair{"a", int64_t{0}}, {"b", kHuge}, {"c", int64_t{1}}})
           f.weight(name, {}, onnx::TensorProto::INT64)->add_int64_data(value);
         f.node("Range", {"a", "b", "c"}, {"y"});
       },
       {"Range1"}},
      {"a picture enlarged beyond bounds",
       [](OnnxFile& f) {
         auto* scales = f.weight("s", {4}, onnx::TensorProto::FLOAT);
         for (const float scale : {1.0F, 1.0F, 1e30F, 1e30F}) scales->add_float_data(scale);
         f.node("Resize", {"x", "", "s"}, {"y"});
       },
       {"Resize1"}},
      {"strides of zero", conv_with("strides", {0, 1}), {"strides", "Conv1"}},
      {"negative dilations", conv_with("dilations", {-1, 1}), {"dilations", "Conv1"}},
      {"pads of a convolution that overflow", conv_with("pads", {kHuge, kHuge, kHuge, kHuge}), {"Conv1"}},
      {"a kernel that is not that of the weights", conv_with("kernel_shape", {5, 5}), {"Conv1"}},
      {"too few strides", conv_with("strides", {1}), {"strides", "Conv1"}},
      {"an empty window", max_pool_with("kernel_shape", {0, 0}), {"MaxPool1"}},
      {"a window that overflows", max_pool_with("kernel_shape", {kHuge, 2}), {"MaxPool1"}},
      {"pads of a pool that overflow", max_pool_with("pads", {kHuge, 0, kHuge, 0}), {"MaxPool1"}},
      {"blocks of no size",
       [](OnnxFile& f) { OnnxFile::integer(f.node("SpaceToDepth", {"x"}, {"y"}), "blocksize", 0); },
       {"SpaceToDepth1"}},

      // Attributes of another type than the standard's.
      {"an integer that is a text",
       [](OnnxFile& f) { OnnxFile::text(f.node("Softmax", {"x"}, {"y"}), "axis", "1"); },
       {"model.onnx: node Softmax1 (Softmax): attribute 'axis' is a string, an integer is expected"}},
      {"a list that is one integer",
       [](OnnxFile& f) { OnnxFile::integer(conv(f), "pads", 1); },
       {"node Conv1 (Conv): attribute 'pads' is an integer, a list of integers is expected"}},
      {"a list of floats for integers",
       [](OnnxFile& f) { OnnxFile::attribute(conv(f), "strides", Type::FLOATS)->add_floats(1); },
       {"attribute 'strides' is a list of floats, a list of integers is expected"}},
      {"a float that is an integer",
       [](OnnxFile& f) { OnnxFile::integer(f.node("LeakyRelu", {"x"}, {"y"}), "alpha", 1); },
       {"attribute 'alpha' is an integer, a float is expected"}},
      {"a text that is a list",
       [](OnnxFile& f) { OnnxFile::ints(conv(f), "auto_pad", {1}); },
       {"attribute 'auto_pad' is a list of integers, a string is expected"}},
      {"a tensor that is a float",
       [](OnnxFile& f) {
         whole(f, "n", {2});
         OnnxFile::real(f.node("ConstantOfShape", {"n"}, {"y"}), "value", 1);
       },
       {"attribute 'value' is a float, a tensor is expected"}},
      {"a body that is an integer",
       [](OnnxFile& f) { OnnxFile::integer(f.node("If", {"x"}, {"y"}), "then_branch", 1); },
       {"attribute 'then_branch' is an integer, a graph is expected"}},
      {"an integer that is a body",
       [](OnnxFile& f) {
         OnnxFile::attribute(f.node("Softmax", {"x"}, {"y"}), "axis", Type::GRAPH)->mutable_g();
       },
       {"attribute 'axis' is a graph, an integer is expected"}},
      {"no type at all",
       [](OnnxFile& f) { OnnxFile::attribute(conv(f), "group", Type::UNDEFINED)->set_i(1); },
       {"attribute 'group' is of no type"}},
      {"a value of another type than it says",
       [](OnnxFile& f) { OnnxFile::attribute(conv(f), "group", Type::INT)->set_f(1); },
       {"attribute 'group' says that it is an integer"}},
      {"the type of an older opset",
       [](OnnxFile& f) { OnnxFile::text(f.node("Cast", {"x"}, {"y"}), "to", "INT32"); },
       {"attribute 'to' is a string"}},
      {"an element type that does not exist",
       [](OnnxFile& f) { OnnxFile::integer(f.node("Cast", {"x"}, {"y"}), "to", 99); },
       {"Cast1", "99"}},
      {"a mode that does not exist",
       [](OnnxFile& f) {
         whole(f, "n", {0, 0, 1, 1, 0, 0, 1, 1});
         OnnxFile::text(f.node("Pad", {"x", "n"}, {"y"}), "mode", "guess");
       },
       {"guess", "Pad1"}},
      {"another branch type", [](OnnxFile& f) { f.node("If", {"x"}, {"y"}); }, {"If1"}},

      // Data in other files.
      {"external data that is missing", [](OnnxFile& f) { external(f, "gone.bin"); }, {"'w'", "missing"}},
      {"external data that is short", [](OnnxFile& f) { external(f, "short.bin"); }, {"'w'", "truncated"}},
      {"external data beyond the end",
       [](OnnxFile& f) { external(f, "short.bin", "999999999999999999"); },
       {"'w'", "truncated"}},
      {"external data before the start",
       [](OnnxFile& f) { external(f, "short.bin", "-8"); },
       {"'w'", "offset"}},
      {"external data outside the folder",
       [](OnnxFile& f) { external(f, "../short.bin"); },
       {"'w'", "outside the model's folder"}},
      {"external data by its full path",
       [](OnnxFile& f) { external(f, "/etc/hostname"); },
       {"'w'", "outside the model's folder"}},
      {"external data that is the folder", [](OnnxFile& f) { external(f, "."); }, {"'w'", "outside"}},

      // Nothing to do is no error.
      {"an empty input",
       [](OnnxFile& f) {
         whole(f, "n", {0, 32});
         f.weight("w", {0, 32}, onnx::TensorProto::FLOAT);
         f.node("Relu", {"w"}, {"a"});
         f.node("Expand", {"a", "n"}, {"y"});
       },
       {}},
      {"a product over nothing",
       [](OnnxFile& f) {
         f.weight("a", {2, 0}, onnx::TensorProto::FLOAT);
         f.weight("b", {0, 3}, onnx::TensorProto::FLOAT);
         f.node("MatMul", {"a", "b"}, {"y"});
       },
       {}},
      {"a slice of nothing",
       [](OnnxFile& f) {
         whole(f, "from", {2});
         whole(f, "to", {2});
         f.node("Slice", {"x", "from", "to"}, {"a"});
         f.node("Relu", {"a"}, {"y"});
       },
       {}},
  };
  return cases;
}

TEST_F(BadOnnxTest, IsRefusedInOneLine) {
  for (const OnnxCase& c : onnx_cases()) {
    const TempFolder folder;
    folder.write("short.bin", "1234");
    OnnxFile file;
    c.fill(file);
    expect(folder.write("model.onnx", file.bytes()), c.what, c.says);
  }
}

TEST_F(BadOnnxTest, OpsetsThatDoNotExist) {
  for (const int64_t opset : {int64_t{0}, int64_t{-3}}) {
    const TempFolder folder;
    OnnxFile file(opset);
    file.node("Relu", {"x"}, {"y"});
    expect(folder.write("model.onnx", file.bytes()), "opset", {"model.onnx"});
  }
}

}  // namespace
}  // namespace tarsier::test
