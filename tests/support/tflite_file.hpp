// A TensorFlow Lite file under construction, written with the schema's own builders.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "import/import.hpp"
#include "import/tflite_detail.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::test {

namespace tflite = import::tflite;
using tflite::BuiltinOptions;
using tflite::TensorType;

template <class T>
[[nodiscard]] std::vector<uint8_t> bytes_of(const std::vector<T>& values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

/// A file under construction.
struct TfliteFile {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<tflite::Tensor>> tensors;
  std::vector<flatbuffers::Offset<tflite::Buffer>> buffers;
  std::vector<flatbuffers::Offset<tflite::OperatorCode>> codes;
  std::vector<flatbuffers::Offset<tflite::Operator>> operators;
  std::vector<flatbuffers::Offset<tflite::SubGraph>> graphs;
  std::vector<int32_t> inputs, outputs;

  TfliteFile() { buffers.push_back(tflite::CreateBuffer(builder)); }

  int32_t tensor(const std::string& name, const std::vector<int32_t>& shape,
                 TensorType type = TensorType::FLOAT32, const std::vector<uint8_t>& data = {},
                 const std::vector<float>& scale = {}, const std::vector<int64_t>& zero = {},
                 int32_t axis = 0, flatbuffers::Offset<tflite::SparsityParameters> sparsity = 0) {
    uint32_t buffer = 0;
    if (!data.empty()) {
      buffer = uint32_t(buffers.size());
      buffers.push_back(tflite::CreateBufferDirect(builder, &data));
    }
    flatbuffers::Offset<tflite::QuantizationParameters> quantization = 0;
    if (!scale.empty())
      quantization =
          tflite::CreateQuantizationParametersDirect(builder, nullptr, nullptr, &scale, &zero, 0, axis);
    tensors.push_back(tflite::CreateTensorDirect(builder, &shape, type, buffer, name.c_str(), quantization,
                                                 false, sparsity));
    return int32_t(tensors.size()) - 1;
  }
  int32_t floats(const std::string& name, const std::vector<int32_t>& shape,
                 const std::vector<float>& values) {
    return tensor(name, shape, TensorType::FLOAT32, bytes_of(values));
  }
  int32_t ints(const std::string& name, const std::vector<int32_t>& values) {
    return tensor(name, {int32_t(values.size())}, TensorType::INT32, bytes_of(values));
  }
  void op(int32_t code, const std::vector<int32_t>& in, const std::vector<int32_t>& out,
          BuiltinOptions type = BuiltinOptions::NONE, flatbuffers::Offset<void> options = 0,
          const char* custom = nullptr, const std::vector<uint8_t>& custom_options = {}) {
    codes.push_back(tflite::CreateOperatorCodeDirect(builder, int8_t(std::min(code, 127)), custom, 1, code));
    operators.push_back(tflite::CreateOperatorDirect(builder, uint32_t(codes.size()) - 1, &in, &out, type,
                                                     options,
                                                     custom_options.empty() ? nullptr : &custom_options));
  }
  /// Closes the graph: what is added after it belongs to the next one.
  void next_graph() {
    graphs.push_back(tflite::CreateSubGraphDirect(builder, &tensors, &inputs, &outputs, &operators, "graph"));
    tensors.clear();
    operators.clear();
    inputs.clear();
    outputs.clear();
  }
  std::string finish() {
    next_graph();
    tflite::FinishModelBuffer(builder,
                              tflite::CreateModelDirect(builder, 3, &codes, &graphs, "test", &buffers));
    return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
  }
  Result<graph::Graph> load() {
    const TempFolder folder;
    return import::load_model(folder.write("model.tflite", finish()));
  }
};

}  // namespace tarsier::test
