// The weights of a TF.js model: groups of tensors laid end to end over one or more shard files.
#include <cmath>
#include <cstring>
#include <limits>

#include "core/file.hpp"
#include "core/half.hpp"
#include "core/number.hpp"
#include "import/tfjs_detail.hpp"

namespace tarsier::import {
namespace {

struct Stored {
  std::string name;
  Shape shape;
  DType dtype = DType::kF32;
  std::string coding;  // how an element is stored: a dtype, or the quantised dtype
  size_t width = 0;
  double scale = 1, minimum = 0;
};

Result<Stored> read_entry(const Json& json) {
  Stored entry;
  entry.name = json.at("name").get<std::string>();
  int64_t count = 1;
  for (const Json& extent : json.at("shape")) {
    const auto value = number_cast<int64_t>(extent.get<double>());
    if (value < 0 || (value > 0 && count > std::numeric_limits<int32_t>::max() / value))
      return input_error("weight '{}' claims impossible extents; the file is damaged", entry.name);
    count *= value;
    entry.shape.push_back(value);
  }
  const auto dtype = json.at("dtype").get<std::string>();
  if (dtype == "float32" || dtype == "float16")
    entry.dtype = DType::kF32;
  else if (dtype == "int32")
    entry.dtype = DType::kI32;
  else if (dtype == "bool")
    entry.dtype = DType::kBool;
  else if (dtype == "uint8")
    entry.dtype = DType::kU8;
  else if (dtype == "int8")
    entry.dtype = DType::kI8;
  else if (dtype == "int16")
    entry.dtype = DType::kI16;
  else
    return input_error("weight '{}' has element type {}, which is not supported", entry.name, dtype);
  entry.coding = dtype;
  if (const auto quantization = json.find("quantization"); quantization != json.end()) {
    entry.coding = "quantised " + quantization->at("dtype").get<std::string>();
    entry.scale = quantization->value("scale", 1.0);
    entry.minimum = quantization->value("min", 0.0);
  }
  static const std::map<std::string, size_t, std::less<>> kWidths = {
      {"float32", 4},         {"float16", 2},
      {"int32", 4},           {"bool", 1},
      {"uint8", 1},           {"int8", 1},
      {"int16", 2},           {"quantised float16", 2},
      {"quantised uint8", 1}, {"quantised uint16", 2}};
  const auto width = kWidths.find(entry.coding);
  if (width == kWidths.end())
    return input_error("weight '{}' is stored as {}, which is not supported", entry.name, entry.coding);
  entry.width = width->second;
  return entry;
}

template <class Stored_>
Tensor dequantised(const Stored& entry, const std::byte* from) {
  Tensor tensor(graph::TensorDesc{entry.dtype, entry.shape});
  const auto count = static_cast<size_t>(tensor.size());
  for (size_t i = 0; i < count; ++i) {
    Stored_ value;
    std::memcpy(&value, from + i * sizeof(Stored_), sizeof(Stored_));
    const double real = value * entry.scale + entry.minimum;
    if (entry.dtype == DType::kF32)
      tensor.as_mutable<float>()[i] = static_cast<float>(real);
    else
      tensor.as_mutable<int32_t>()[i] = static_cast<int32_t>(std::lround(real));
  }
  return tensor;
}

Result<Tensor> decode(const Stored& entry, const std::byte* from) {
  if (entry.coding.starts_with("quantised u")) {
    if (entry.dtype != DType::kF32 && entry.dtype != DType::kI32)
      return input_error("weight '{}' is a quantised {}, which is not supported", entry.name,
                         graph::name_of(entry.dtype));
    return entry.width == 1 ? dequantised<uint8_t>(entry, from) : dequantised<uint16_t>(entry, from);
  }
  if (entry.coding.ends_with("float16")) {
    Tensor tensor(graph::TensorDesc{DType::kF32, entry.shape});
    auto out = tensor.as_mutable<float>();
    for (size_t i = 0; i < out.size(); ++i) {
      uint16_t half;
      std::memcpy(&half, from + i * 2, 2);
      out[i] = half_to_float(half);
    }
    return tensor;
  }
  Tensor tensor(graph::TensorDesc{entry.dtype, entry.shape});
  auto out = tensor.mutable_bytes();
  if (!out.empty()) std::memcpy(out.data(), from, out.size());
  return tensor;
}

/// The shards of one group, end to end.
Result<std::vector<std::byte>> read_shards(const Json& paths, const std::filesystem::path& folder,
                                           size_t wanted) {
  std::vector<std::byte> bytes;
  std::string last;
  for (const Json& path : paths) {
    const std::filesystem::path relative = path.get<std::string>();
    // A manifest must not be able to name a file outside the model's folder.
    const auto normal = relative.lexically_normal();
    if (relative.empty() || relative.is_absolute() || *normal.begin() == "..")
      return input_error("weight shard '{}' is outside the model's folder; refused", relative.string());
    const auto file = folder / relative;
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error))
      return input_error("weight shard {} is missing; keep it beside the model's json", file.string());
    TARSIER_TRY(const auto shard, read_file(file));
    bytes.insert(bytes.end(), shard.begin(), shard.end());
    last = file.string();
  }
  if (bytes.size() < wanted)
    return input_error("weight shard {} is truncated: {} bytes of weights, {} are expected; fetch it again",
                       last, bytes.size(), wanted);
  if (bytes.size() > wanted)
    return input_error("weight shard {} is of another model: {} bytes of weights, {} are expected", last,
                       bytes.size(), wanted);
  return bytes;
}

}  // namespace

Result<std::unordered_map<std::string, Tensor>> read_tfjs_weights(const Json& manifest,
                                                                  const std::filesystem::path& folder) {
  std::unordered_map<std::string, Tensor> weights;
  for (const Json& group : manifest) {
    std::vector<Stored> entries;
    size_t wanted = 0;
    for (const Json& json : group.at("weights")) {
      TARSIER_TRY(Stored entry, read_entry(json));
      wanted += static_cast<size_t>(graph::element_count(entry.shape)) * entry.width;
      entries.push_back(std::move(entry));
    }
    TARSIER_TRY(const auto bytes, read_shards(group.at("paths"), folder, wanted));
    const std::byte* from = bytes.data();
    for (const Stored& entry : entries) {
      TARSIER_TRY(Tensor tensor, decode(entry, from));
      from += static_cast<size_t>(tensor.size()) * entry.width;
      weights.insert_or_assign(entry.name, std::move(tensor));
    }
  }
  return weights;
}

}  // namespace tarsier::import
