#include <fmt/format.h>

#include "core/file.hpp"
#include "import/import.hpp"
#include "import/onnx_detail.hpp"

namespace tarsier::import {

Result<graph::Tensor> load_onnx_tensor(const std::filesystem::path& path) {
  TARSIER_TRY(const auto bytes, read_file(path));
  onnx::TensorProto proto;
  if (!proto.ParseFromArray(bytes.data(), int(bytes.size()))) {
    return input_error("{}: is no ONNX tensor, or is truncated", path.string());
  }
  auto tensor = OnnxTensors(path.parent_path()).read(proto);
  if (!tensor.ok()) return tensor.error().in(path.string());
  return tensor;
}

}  // namespace tarsier::import
