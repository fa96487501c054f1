// ONNX tensors: typed fields, raw bytes or a stretch of another file.
#include <bit>
#include <cstring>
#include <fstream>
#include <limits>

#include "core/half.hpp"
#include "graph/element_type.hpp"
#include "import/onnx_detail.hpp"

namespace tarsier::import {
namespace {

using graph::DType;
using graph::ElementType;
using graph::Shape;
using graph::Tensor;
using Proto = onnx::TensorProto;

static_assert(std::endian::native == std::endian::little, "ONNX raw data is little-endian");

uint32_t bits_of(const Proto& proto) {
  return graph::element_bits(static_cast<ElementType>(proto.data_type()));
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

/// Types of 8 bits that are no integers, and all narrower ones.
bool is_small(int32_t data_type) {
  const auto type = static_cast<ElementType>(data_type);
  const uint32_t bits = graph::element_bits(type);
  return bits < 8 || (bits == 8 && !graph::is_held_exactly(type));
}

/// `code(i)` gives the bits of element i.
template <class Code>
Tensor decoded(int32_t data_type, DType dtype, const Shape& shape, Code&& code) {
  const auto type = static_cast<ElementType>(data_type);
  Tensor tensor(graph::TensorDesc{dtype, shape});
  const auto count = static_cast<size_t>(tensor.size());
  if (dtype == DType::kF32) {
    auto out = tensor.as_mutable<float>();
    for (size_t i = 0; i < count; ++i) out[i] = graph::decode_small_float(type, code(i));
    return tensor;
  }
  auto out = tensor.as_mutable<int8_t>();  // the same bytes without a sign
  const int64_t highest = graph::integer_range(type).high, span = int64_t{1} << graph::element_bits(type);
  for (size_t i = 0; i < count; ++i) {
    const int64_t value = code(i);
    out[i] = static_cast<int8_t>(value > highest ? value - span : value);
  }
  return tensor;
}

/// Elements of `bits` bits follow each other without gaps, the first in the lowest bits.
auto packed_codes(const std::byte* raw, uint32_t bits) {
  return [raw, bits](size_t i) {
    const size_t first = i * bits, byte = first / 8, shift = first % 8;
    uint32_t value = std::to_integer<uint32_t>(raw[byte]) >> shift;
    if (shift + bits > 8) value |= std::to_integer<uint32_t>(raw[byte + 1]) << (8 - shift);
    return value & ((1U << bits) - 1U);
  };
}

}  // namespace

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
  const size_t wanted = (count * bits_of(proto) + 7) / 8;
  std::vector<std::byte> outside;
  const std::byte* raw = reinterpret_cast<const std::byte*>(proto.raw_data().data());
  if (proto.data_location() == Proto::EXTERNAL) {
    TARSIER_TRY(outside, external_bytes(proto, wanted));
    raw = outside.data();
  } else if (proto.raw_data().size() != wanted) {
    return input_error("tensor '{}' {} holds {} bytes, {} are expected; the file is damaged", proto.name(),
                       graph::to_string(shape), proto.raw_data().size(), wanted);
  }
  TARSIER_TRY(const DType dtype, graph::dtype_of_onnx(proto.data_type()));
  if (is_small(proto.data_type()))
    return decoded(proto.data_type(), dtype, shape, packed_codes(raw, bits_of(proto)));
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
    default:
      return Tensor({dtype, shape}, std::vector<std::byte>(raw, raw + wanted));
  }
}

Result<Tensor> OnnxTensors::from_fields(const Proto& proto, const Shape& shape) {
  const int64_t count = graph::element_count(shape);
  const auto check_entries = [&](const auto& field, int64_t wanted) -> Status {
    if (field.size() == wanted) return {};
    return input_error("tensor '{}' {} holds {} elements, {} are expected; the file is damaged", proto.name(),
                       graph::to_string(shape), field.size(), wanted);
  };
  const auto check = [&](const auto& field) { return check_entries(field, count); };
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
  // The rest is kept in int32_data: half floats as their bit pattern, two or four elements of 4 or 2 bits
  // each in a byte.
  if (is_small(proto.data_type())) {
    TARSIER_TRY(const DType dtype, graph::dtype_of_onnx(proto.data_type()));
    const uint32_t bits = bits_of(proto), together = 8 % bits == 0 ? 8 / bits : 1;
    TARSIER_CHECK(check_entries(proto.int32_data(), (count + together - 1) / together));
    return decoded(proto.data_type(), dtype, shape, [&](size_t i) {
      const auto entry = static_cast<uint32_t>(proto.int32_data(static_cast<int>(i / together)));
      return (entry >> (i % together * bits)) & ((1U << bits) - 1U);
    });
  }
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
  const auto dtype = graph::dtype_of_onnx(proto.data_type());
  if (!dtype.ok()) return dtype.error().in(fmt::format("tensor '{}'", proto.name()));
  if (proto.has_segment())
    return input_error("tensor '{}' is stored in segments, which is not supported", proto.name());
  TARSIER_TRY(const Shape shape, shape_of(proto));
  if (proto.data_location() == Proto::EXTERNAL || proto.has_raw_data()) return from_raw(proto, shape);
  return from_fields(proto, shape);
}

}  // namespace tarsier::import
