// Host values on the device in any layout, with sentinels behind them.
#pragma once

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "core/half.hpp"
#include "support/gpu_fixture.hpp"
#include "vision/tensor_ref.hpp"

namespace tarsier::test {

inline constexpr uint32_t kSentinel = 0xDEADBEEF;
inline constexpr size_t kSentinelWords = 16;

struct Storage {
  vision::TensorLayout layout = vision::TensorLayout::kLinear;
  bool fp16 = false;
  bool channels_last = false;
};

inline std::string name_of(const Storage& s) {
  return std::string(s.layout == vision::TensorLayout::kC4 ? "C4"
                     : s.channels_last                     ? "NHWC"
                                                           : "NCHW") +
         (s.fp16 ? " fp16" : " fp32");
}

/// Values in logical order (row-major in the shape that `channels_last` names) and the same on the device.
struct DeviceTensor {
  gpu::Buffer buffer;
  vision::TensorRef ref;
  size_t words = 0;           // without the sentinels
  std::vector<float> values;  // rounded to half where stored so
  std::vector<int64_t> shape;

  [[nodiscard]] vision::HostTensor host() const {
    vision::HostTensor tensor;
    tensor.data = values;
    tensor.rank = int(shape.size());
    for (size_t i = 0; i < shape.size(); ++i) tensor.shape[i] = int(shape[i]);
    tensor.channels_last = ref.channels_last;
    return tensor;
  }
};

/// Position in storage of each logical element.
inline std::vector<size_t> positions(const std::vector<int64_t>& shape, const Storage& storage) {
  size_t count = 1;
  for (const int64_t extent : shape) count *= size_t(extent);
  std::vector<size_t> at(count);
  for (size_t i = 0; i < count; ++i) at[i] = i;
  if (storage.layout == vision::TensorLayout::kC4) {
    const auto plane = size_t(shape[2] * shape[3]);
    for (size_t i = 0; i < count; ++i) {
      const size_t c = i / plane;
      at[i] = ((c / 4) * plane + i % plane) * 4 + c % 4;
    }
  }
  return at;
}

inline size_t stored_elements(const std::vector<int64_t>& shape, const Storage& storage) {
  size_t count = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool padded = storage.layout == vision::TensorLayout::kC4 && i == 1;
    count *= size_t(padded ? (shape[i] + 3) / 4 * 4 : shape[i]);
  }
  return count;
}

inline Result<DeviceTensor> put(gpu::Device& device, std::vector<int64_t> shape, std::vector<float> values,
                                const Storage& storage = {}) {
  DeviceTensor tensor;
  const size_t elements = stored_elements(shape, storage);
  tensor.words = storage.fp16 ? (elements + 1) / 2 : elements;
  std::vector<uint32_t> words(tensor.words + kSentinelWords, 0);
  const auto at = positions(shape, storage);
  for (size_t i = 0; i < values.size(); ++i) {
    if (storage.fp16) {
      const uint16_t half = float_to_half(values[i]);
      values[i] = half_to_float(half);
      words[at[i] / 2] |= uint32_t(half) << (at[i] % 2 * 16);
    } else {
      std::memcpy(&words[at[i]], &values[i], 4);
    }
  }
  for (size_t i = 0; i < kSentinelWords; ++i) words[tensor.words + i] = kSentinel;
  TARSIER_TRY(tensor.buffer,
              device.create_buffer({words.size() * 4, gpu::Memory::kDevice, false, false, "test tensor"}));
  TARSIER_CHECK(device.upload(tensor.buffer, 0, words.data(), words.size() * 4));
  TARSIER_TRY(tensor.ref, vision::TensorRef::of(tensor.buffer.address(), shape, storage.layout, storage.fp16,
                                                storage.channels_last));
  tensor.values = std::move(values);
  tensor.shape = std::move(shape);
  return tensor;
}

/// Reads the device's copy back in logical order; fails the test where a sentinel was overwritten or a
/// padding channel is not zero.
inline std::vector<float> get(gpu::Device& device, const DeviceTensor& tensor) {
  std::vector<uint32_t> words(tensor.words + kSentinelWords);
  EXPECT_OK(device.download(tensor.buffer, 0, words.data(), words.size() * 4));
  for (size_t i = 0; i < kSentinelWords; ++i)
    EXPECT_EQ(words[tensor.words + i], kSentinel) << "overrun at " << i;
  const Storage storage{tensor.ref.layout, tensor.ref.fp16, tensor.ref.channels_last};
  const auto element = [&](size_t i) {
    float value = 0;
    if (storage.fp16) return half_to_float(uint16_t(words[i / 2] >> (i % 2 * 16)));
    std::memcpy(&value, &words[i], 4);
    return value;
  };
  const auto at = positions(tensor.shape, storage);
  std::vector<bool> used(stored_elements(tensor.shape, storage), false);
  std::vector<float> values(at.size());
  for (size_t i = 0; i < at.size(); ++i) {
    values[i] = element(at[i]);
    used[at[i]] = true;
  }
  for (size_t i = 0; i < used.size(); ++i) {
    if (used[i]) continue;
    EXPECT_EQ(element(i), 0.0F) << "padding element " << i;
  }
  return values;
}

inline std::vector<float> random_values(size_t count, float low, float high, uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<float> values(count);
  // Not std::uniform_real_distribution: its values differ between standard libraries.
  for (float& value : values) value = low + (high - low) * float(generator() >> 8) / float(1 << 24);
  return values;
}

}  // namespace tarsier::test
