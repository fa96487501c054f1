#include "app/tool_inputs.hpp"

#include "app/npy.hpp"

namespace tarsier::app {

Result<std::map<std::string, graph::Tensor>> read_inputs(const std::vector<std::string>& arguments) {
  std::map<std::string, graph::Tensor> tensors;
  for (const auto& argument : arguments) {
    const size_t equals = argument.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == argument.size()) {
      return input_error("--in {}: NAME=FILE.npy is expected", argument);
    }
    const std::string name = argument.substr(0, equals);
    TARSIER_TRY(graph::Tensor tensor, read_npy(argument.substr(equals + 1)));
    if (!tensors.emplace(name, std::move(tensor)).second)
      return input_error("--in {}: the input is given twice", name);
  }
  return tensors;
}

Result<graph::Tensor> convert_input(const graph::Tensor& tensor, const std::string& name,
                                    graph::DType wanted) {
  using graph::DType;
  if (tensor.dtype() == wanted) return tensor;
  const auto is_float = [](DType type) {
    return type == DType::kF16 || type == DType::kF32 || type == DType::kF64;
  };
  if (wanted == DType::kF32) {
    const auto values = tensor.to_floats();
    return graph::Tensor::f32(tensor.shape(), values);
  }
  if (!is_float(tensor.dtype()) && !is_float(wanted)) {
    const auto values = tensor.to_ints();
    if (wanted == DType::kI64) return graph::Tensor::i64(tensor.shape(), values);
    if (wanted == DType::kI32) {
      const std::vector<int32_t> narrow(values.begin(), values.end());
      return graph::Tensor::of<int32_t>(wanted, tensor.shape(), narrow);
    }
  }
  return input_error("input '{}' takes {}, the file holds {}; convert it with .astype()", name,
                     graph::name_of(wanted), graph::name_of(tensor.dtype()));
}

}  // namespace tarsier::app
