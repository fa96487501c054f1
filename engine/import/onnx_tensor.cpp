// ONNX tensors: typed fields, raw bytes or a stretch of another file.
#include <bit>
#include <cstring>
#include <fstream>
#include <limits>

#include "core/half.hpp"
#include "import/onnx_detail.hpp"

namespace tarsier::import {
namespace {

using graph::DType;
using graph::Shape;
using graph::Tensor;
using Proto = onnx::TensorProto;

static_assert(std::endian::native == std::endian::little, "ONNX raw data is little-endian");

size_t raw_width(int32_t data_type) {
  switch (data_type) {
    case Proto::INT8:
    case Proto::UINT8:
    case Proto::BOOL:
      return 1;
    case Proto::INT16:
    case Proto::UINT16:
    case Proto::FLOAT16:
    case Proto::BFLOAT16:
      return 2;
    case Proto::FLOAT:
    case Proto::INT32:
    case Proto::UINT32:
      return 4;
    default:
      return 8;
  }
}

Result<Shape> shape_of(const Proto& proto) {
  Shape shape;
  int64_t count = 1;
  for (const int64_t extent : proto.dims()) {
    if (extent < 0 || (extent > 0 && count > std::numeric_limits<int32_t>::max() / extent))
      return input_error("tensor '{}' claims impossible extents; the file is damaged", proto.name());
    count *= extent;
    shape.push_back(extent);
  }
  return shape;
}

template <class From, class To, class Convert>
Tensor converted(const std::byte* raw, DType dtype, const Shape& shape, Convert&& convert) {
  Tensor tensor(graph::TensorDesc{dtype, shape});
  auto out = tensor.as_mutable<To>();
  for (size_t i = 0; i < out.size(); ++i) {
    From value;  // raw data may lie at any address
    std::memcpy(&value, raw + i * sizeof(From), sizeof(From));
    out[i] = convert(value);
  }
  return tensor;
}

template <class To, class Field>
Tensor from_field(const Field& field, DType dtype, const Shape& shape) {
  Tensor tensor(graph::TensorDesc{dtype, shape});
  auto out = tensor.as_mutable<To>();
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<To>(field.Get(static_cast<int>(i)));
  return tensor;
}

float bfloat16_to_float(uint16_t value) {
  return std::bit_cast<float>(uint32_t(value) << 16);
}

}  // namespace

Result<DType> engine_dtype(int32_t data_type) {
  switch (data_type) {
    case Proto::FLOAT:
    case Proto::FLOAT16:
    case Proto::BFLOAT16:
    case Proto::DOUBLE:
      return DType::kF32;
    case Proto::INT8:
      return DType::kI8;
    case Proto::UINT8:
      return DType::kU8;
    case Proto::INT16:
      return DType::kI16;
    case Proto::UINT16:
    case Proto::INT32:
      return DType::kI32;
    case Proto::UINT32:
    case Proto::UINT64:
    case Proto::INT64:
      return DType::kI64;
    case Proto::BOOL:
      return DType::kBool;
    default:
      return input_error("element type {} is not supported",
                         Proto::DataType_IsValid(data_type)
                             ? Proto::DataType_Name(static_cast<Proto::DataType>(data_type))
                             : std::to_string(data_type));
  }
}

Result<std::vector<std::byte>> OnnxTensors::external_bytes(const Proto& proto, size_t wanted) {
  std::string location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
  for (const auto& entry : proto.external_data()) {
    const auto number = [&entry]() -> std::optional<uint64_t> {
      if (entry.value().empty() || entry.value().size() > 18 ||
          entry.value().find_first_not_of("0123456789") != std::string::npos)
        return std::nullopt;
      return std::stoull(entry.value());
    };
    if (entry.key() == "location") location = entry.value();
    if (entry.key() != "offset" && entry.key() != "length") continue;
    const auto value = number();
    if (!value)
      return input_error("tensor '{}': external data {} '{}' is no number", proto.name(), entry.key(),
                         entry.value());
    (entry.key() == "offset" ? offset : length.emplace()) = *value;
  }
  // A model must not be able to name a file outside its folder, by path or by link.
  const std::filesystem::path relative(location);
  std::error_code error;
  const auto folder = std::filesystem::weakly_canonical(folder_, error);
  const auto file = std::filesystem::weakly_canonical(folder_ / relative, error);
  const auto inside = file.lexically_relative(folder);
  if (location.empty() || relative.is_absolute() || error || inside.empty() || *inside.begin() == ".." ||
      inside == ".")
    return input_error("tensor '{}': external data file '{}' is outside the model's folder; refused",
                       proto.name(), location);
  const uint64_t size = std::filesystem::file_size(file, error);
  if (error)
    return input_error("tensor '{}': its data file {} is missing; keep it beside the model", proto.name(),
                       file.string());
  if (length && *length != wanted)
    return input_error("tensor '{}': {} bytes in {}, its shape needs {}", proto.name(), *length,
                       file.string(), wanted);
  if (offset > size || size - offset < wanted)
    return input_error("tensor '{}': {} is truncated ({} bytes, needs {}); fetch it again", proto.name(),
                       file.string(), size, offset + wanted);
  std::vector<std::byte> bytes(wanted);
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(offset));
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(wanted));
  if (!stream) return input_error("tensor '{}': {} can't be read", proto.name(), file.string());
  return bytes;
}

Result<Tensor> OnnxTensors::from_raw(const Proto& proto, const Shape& shape) {
  const auto count = static_cast<size_t>(graph::element_count(shape));
  const size_t wanted = count * raw_width(proto.data_type());
  std::vector<std::byte> outside;
  const std::byte* raw = reinterpret_cast<const std::byte*>(proto.raw_data().data());
  if (proto.data_location() == Proto::EXTERNAL) {
    TARSIER_TRY(outside, external_bytes(proto, wanted));
    raw = outside.data();
  } else if (proto.raw_data().size() != wanted) {
    return input_error("tensor '{}' {} holds {} bytes, {} are expected; the file is damaged", proto.name(),
                       graph::to_string(shape), proto.raw_data().size(), wanted);
  }
  switch (proto.data_type()) {
    case Proto::FLOAT16:
      return converted<uint16_t, float>(raw, DType::kF32, shape, half_to_float);
    case Proto::BFLOAT16:
      return converted<uint16_t, float>(raw, DType::kF32, shape, bfloat16_to_float);
    case Proto::DOUBLE:
      return converted<double, float>(raw, DType::kF32, shape, [](double v) { return float(v); });
    case Proto::UINT16:
      return converted<uint16_t, int32_t>(raw, DType::kI32, shape, [](uint16_t v) { return int32_t(v); });
    case Proto::UINT32:
      return converted<uint32_t, int64_t>(raw, DType::kI64, shape, [](uint32_t v) { return int64_t(v); });
    default: {
      TARSIER_TRY(const DType dtype, engine_dtype(proto.data_type()));
      return Tensor({dtype, shape}, std::vector<std::byte>(raw, raw + wanted));
    }
  }
}

Result<Tensor> OnnxTensors::from_fields(const Proto& proto, const Shape& shape) {
  const int64_t count = graph::element_count(shape);
  const auto check = [&](const auto& field) -> Status {
    if (field.size() == count) return {};
    return input_error("tensor '{}' {} holds {} elements, {} are expected; the file is damaged", proto.name(),
                       graph::to_string(shape), field.size(), count);
  };
  switch (proto.data_type()) {
    case Proto::FLOAT:
      TARSIER_CHECK(check(proto.float_data()));
      return from_field<float>(proto.float_data(), DType::kF32, shape);
    case Proto::DOUBLE:
      TARSIER_CHECK(check(proto.double_data()));
      return from_field<float>(proto.double_data(), DType::kF32, shape);
    case Proto::INT64:
      TARSIER_CHECK(check(proto.int64_data()));
      return from_field<int64_t>(proto.int64_data(), DType::kI64, shape);
    case Proto::UINT32:
    case Proto::UINT64:
      TARSIER_CHECK(check(proto.uint64_data()));
      return from_field<int64_t>(proto.uint64_data(), DType::kI64, shape);
    default:
      break;
  }
  // The rest is kept in int32_data, one element each; half floats as their bit pattern.
  TARSIER_CHECK(check(proto.int32_data()));
  switch (proto.data_type()) {
    case Proto::FLOAT16:
    case Proto::BFLOAT16: {
      Tensor tensor(graph::TensorDesc{DType::kF32, shape});
      auto out = tensor.as_mutable<float>();
      for (size_t i = 0; i < out.size(); ++i) {
        const auto bits = static_cast<uint16_t>(proto.int32_data(static_cast<int>(i)));
        out[i] = proto.data_type() == Proto::FLOAT16 ? half_to_float(bits) : bfloat16_to_float(bits);
      }
      return tensor;
    }
    case Proto::INT8:
      return from_field<int8_t>(proto.int32_data(), DType::kI8, shape);
    case Proto::INT16:
      return from_field<int16_t>(proto.int32_data(), DType::kI16, shape);
    case Proto::UINT8:
      return from_field<uint8_t>(proto.int32_data(), DType::kU8, shape);
    case Proto::BOOL:
      return from_field<uint8_t>(proto.int32_data(), DType::kBool, shape);
    default:
      return from_field<int32_t>(proto.int32_data(), DType::kI32, shape);
  }
}

Result<Tensor> OnnxTensors::read(const Proto& proto) {
  const auto dtype = engine_dtype(proto.data_type());
  if (!dtype.ok()) return dtype.error().in(fmt::format("tensor '{}'", proto.name()));
  if (proto.has_segment())
    return input_error("tensor '{}' is stored in segments, which is not supported", proto.name());
  TARSIER_TRY(const Shape shape, shape_of(proto));
  if (proto.data_location() == Proto::EXTERNAL || proto.has_raw_data()) return from_raw(proto, shape);
  return from_fields(proto, shape);
}

}  // namespace tarsier::import
