// A made-up street scene for the picture tests: a frame with known colours, detections as NMS leaves them, a
// mask.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "gpu/device.hpp"
#include "present/scene_renderer.hpp"
#include "vision/types.hpp"

namespace tarsier::test {

inline const std::vector<std::string> kTestClasses = {"person",     "bicycle",  "car",
                                                      "motorcycle", "airplane", "bus"};

/// A smooth grey-blue gradient, so that drawn colours stand out.
inline std::vector<uint8_t> test_frame(uint32_t width, uint32_t height) {
  std::vector<uint8_t> bgra(size_t(width) * height * 4);
  for (uint32_t y = 0; y < height; ++y) {
    for (uint32_t x = 0; x < width; ++x) {
      uint8_t* pixel = &bgra[(size_t(y) * width + x) * 4];
      pixel[0] = uint8_t(60 + 60 * y / height);
      pixel[1] = uint8_t(50 + 40 * x / width);
      pixel[2] = 48;
      pixel[3] = 255;
    }
  }
  return bgra;
}

/// A detection buffer as the NMS shader writes it.
inline std::vector<std::byte> detection_bytes(const std::vector<vision::Detection>& detections) {
  vision::DetectionHeader header;
  header.count = uint32_t(detections.size());
  std::vector<std::byte> bytes(vision::kDetectionBufferBytes);
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::ranges::copy(std::as_bytes(std::span(detections)), bytes.begin() + sizeof(header));
  return bytes;
}

/// A disc, soft at its rim over two pixels.
inline std::vector<uint8_t> disc_mask(uint32_t width, uint32_t height, float cx, float cy, float radius) {
  std::vector<uint8_t> mask(size_t(width) * height);
  for (uint32_t y = 0; y < height; ++y) {
    for (uint32_t x = 0; x < width; ++x) {
      const float away = radius - std::hypot(float(x) + 0.5F - cx, float(y) + 0.5F - cy);
      mask[size_t(y) * width + x] = uint8_t(std::fmin(std::fmax(away / 2 + 0.5F, 0.0F), 1.0F) * 255);
    }
  }
  return mask;
}

template <class T>
Result<gpu::Buffer> upload_vector(gpu::Device& device, const std::vector<T>& data, bool indirect = false) {
  const uint64_t bytes = data.size() * sizeof(T);
  TARSIER_TRY(
      gpu::Buffer buffer,
      device.create_buffer({.size = (bytes + 15) / 16 * 16, .indirect = indirect, .name = "test input"}));
  TARSIER_CHECK(device.upload(buffer, 0, data.data(), bytes));
  return buffer;
}

}  // namespace tarsier::test
