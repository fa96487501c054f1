#include "infer/device_tensor.hpp"

#include <cstring>

#include "core/half.hpp"

namespace tarsier::infer {

using graph::DType;
using graph::Layout;
using graph::Shape;
using graph::Tensor;
using graph::TensorDesc;

namespace {

struct Extents {
  int64_t n, c, plane;
  [[nodiscard]] int64_t groups() const { return (c + 3) / 4; }
};

Extents extents_of(const Shape& shape) {
  return {shape[0], shape[1], shape[2] * shape[3]};
}

/// Calls f(row-major index, kC4 index) for every element.
template <class F>
void for_each_c4(const Extents& e, F&& f) {
  int64_t linear = 0;
  for (int64_t n = 0; n < e.n; ++n) {
    for (int64_t c = 0; c < e.c; ++c) {
      int64_t at = ((n * e.groups() + c / 4) * e.plane) * 4 + c % 4;
      for (int64_t p = 0; p < e.plane; ++p, at += 4) f(linear++, at);
    }
  }
}

template <class T>
void store_ints(std::span<const int32_t> words, Tensor& out) {
  const auto values = out.as_mutable<T>();
  for (size_t i = 0; i < values.size(); ++i) values[i] = T(words[i]);
}

}  // namespace

bool is_real(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kF64;
}

uint64_t device_bytes(const Shape& shape, Layout layout, DType storage) {
  if (layout == Layout::kLinear) return uint64_t(graph::element_count(shape)) * 4;
  const Extents e = extents_of(shape);
  return uint64_t(e.n * e.groups() * e.plane) * (storage == DType::kF16 ? 8 : 16);
}

uint64_t device_bytes(const graph::Value& value) {
  return device_bytes(value.desc.shape, value.layout, value.storage);
}

std::vector<std::byte> to_device(const Tensor& tensor, Layout layout, DType storage) {
  std::vector<std::byte> out(device_bytes(tensor.shape(), layout, storage));
  if (tensor.size() == 0) return out;  // nothing to copy, and no address to copy it from
  if (storage == DType::kI32) {
    std::vector<int32_t> words;
    words.reserve(size_t(tensor.size()));
    for (const int64_t value : tensor.to_ints()) words.push_back(int32_t(value));
    std::memcpy(out.data(), words.data(), words.size() * 4);
    return out;
  }
  const std::vector<float> values = tensor.to_floats();
  if (layout == Layout::kLinear) {
    std::memcpy(out.data(), values.data(), values.size() * 4);
    return out;
  }
  for_each_c4(extents_of(tensor.shape()), [&](int64_t linear, int64_t at) {
    if (storage == DType::kF16) {
      const uint16_t half = float_to_half(values[size_t(linear)]);
      std::memcpy(out.data() + at * 2, &half, 2);
    } else {
      std::memcpy(out.data() + at * 4, &values[size_t(linear)], 4);
    }
  });
  return out;
}

Tensor from_device(std::span<const std::byte> bytes, const TensorDesc& desc, Layout layout, DType storage) {
  Tensor out(desc);
  if (out.size() == 0) return out;
  if (storage == DType::kI32) {
    const std::span<const int32_t> words(reinterpret_cast<const int32_t*>(bytes.data()), size_t(out.size()));
    switch (desc.dtype) {
      case DType::kI64:
        store_ints<int64_t>(words, out);
        break;
      case DType::kI32:
        store_ints<int32_t>(words, out);
        break;
      case DType::kI16:
        store_ints<int16_t>(words, out);
        break;
      case DType::kI8:
        store_ints<int8_t>(words, out);
        break;
      default:
        store_ints<uint8_t>(words, out);
    }
    return out;
  }
  std::vector<float> values(size_t(out.size()));
  if (layout == Layout::kLinear) {
    std::memcpy(values.data(), bytes.data(), values.size() * 4);
  } else {
    for_each_c4(extents_of(desc.shape), [&](int64_t linear, int64_t at) {
      if (storage == DType::kF16) {
        uint16_t half = 0;
        std::memcpy(&half, bytes.data() + at * 2, 2);
        values[size_t(linear)] = half_to_float(half);
      } else {
        std::memcpy(&values[size_t(linear)], bytes.data() + at * 4, 4);
      }
    });
  }
  if (desc.dtype == DType::kF32) {
    std::memcpy(out.mutable_bytes().data(), values.data(), values.size() * 4);
  } else if (desc.dtype == DType::kF64) {
    const auto doubles = out.as_mutable<double>();
    for (size_t i = 0; i < values.size(); ++i) doubles[i] = double(values[i]);
  } else {
    const auto halves = out.as_mutable<uint16_t>();
    for (size_t i = 0; i < values.size(); ++i) halves[i] = float_to_half(values[i]);
  }
  return out;
}

}  // namespace tarsier::infer
