// An ONNX file under construction, written with the protobuf classes.
#pragma once

#include <string>
#include <vector>

#include "import/import.hpp"
#include "import/onnx_detail.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::test {

/// A model under construction: x [1,2,4,4] f32 -> y.
struct OnnxFile {
  using Ints = std::vector<int64_t>;
  onnx::ModelProto proto;

  explicit OnnxFile(int64_t opset = 17) {
    proto.set_ir_version(8);
    proto.add_opset_import()->set_version(opset);
    proto.mutable_graph()->set_name("g");
    add_io(proto.mutable_graph()->add_input(), "x", {1, 2, 4, 4});
    add_io(proto.mutable_graph()->add_output(), "y", {});
  }
  static void add_io(onnx::ValueInfoProto* io, const std::string& name, const Ints& shape) {
    io->set_name(name);
    auto* type = io->mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    for (const int64_t extent : shape) {
      auto* dim = type->mutable_shape()->add_dim();
      if (extent < 0)
        dim->set_dim_param("n");
      else
        dim->set_dim_value(extent);
    }
  }
  onnx::NodeProto* node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs) {
    auto* added = proto.mutable_graph()->add_node();
    added->set_op_type(op);
    added->set_name(op + std::to_string(proto.graph().node_size()));
    for (const auto& input : inputs) added->add_input(input);
    for (const auto& output : outputs) added->add_output(output);
    return added;
  }
  static onnx::AttributeProto* attribute(onnx::NodeProto* node, const std::string& key,
                                         onnx::AttributeProto::AttributeType type) {
    auto* added = node->add_attribute();
    added->set_name(key);
    added->set_type(type);
    return added;
  }
  static void ints(onnx::NodeProto* node, const std::string& key, const Ints& values) {
    auto* added = attribute(node, key, onnx::AttributeProto::INTS);
    for (const int64_t value : values) added->add_ints(value);
  }
  static void integer(onnx::NodeProto* node, const std::string& key, int64_t value) {
    attribute(node, key, onnx::AttributeProto::INT)->set_i(value);
  }
  static void text(onnx::NodeProto* node, const std::string& key, const std::string& value) {
    attribute(node, key, onnx::AttributeProto::STRING)->set_s(value);
  }
  static void real(onnx::NodeProto* node, const std::string& key, float value) {
    attribute(node, key, onnx::AttributeProto::FLOAT)->set_f(value);
  }
  onnx::TensorProto* weight(const std::string& name, const Ints& shape, int32_t type) {
    auto* tensor = proto.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(type);
    for (const int64_t extent : shape) tensor->add_dims(extent);
    return tensor;
  }
  [[nodiscard]] std::string bytes() const { return proto.SerializeAsString(); }
  Result<graph::Graph> load() const {
    const TempFolder folder;
    return import::load_model(folder.write("model.onnx", bytes()));
  }
};

}  // namespace tarsier::test
