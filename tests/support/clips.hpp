// Clips for tests, made by the program's own writer: picture N is one flat grey level with a white square
// that moves, so that a test can tell which picture it got back even after lossy coding.
#pragma once

#include <filesystem>
#include <gtest/gtest.h>
#include <memory>

#include "capture/frame_source.hpp"
#include "record/video_writer.hpp"

namespace tarsier::test {

inline int level_of(uint64_t index) {
  return 40 + int(index % 16) * 10;
}

/// Picture N of a clip of so many frames a second.
inline record::Picture picture(uint64_t index, int width, int height, double fps = 25) {
  auto pixels = std::make_shared<std::vector<uint8_t>>(size_t(width) * size_t(height) * 4);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const bool square =
          y < height / 4 && x >= int(index % 8) * width / 8 && x < int(index % 8 + 1) * width / 8;
      uint8_t* pixel = pixels->data() + (size_t(y) * size_t(width) + size_t(x)) * 4;
      pixel[0] = pixel[1] = pixel[2] = uint8_t(square ? 235 : level_of(index));
      pixel[3] = 255;
    }
  }
  return {width, height, pixels, double(index) / fps};
}

/// Writes `count` pictures to any sink that VideoWriter takes.
inline void write_clip(const std::filesystem::path& path, int count, int width = 128, int height = 96,
                       double fps = 20) {
  auto writer = record::VideoWriter::open(path, {.fps = fps});
  ASSERT_TRUE(writer.ok()) << writer.error().message;
  for (int i = 0; i < count; ++i) {
    const auto status = (*writer)->push(picture(uint64_t(i), width, height, fps));
    ASSERT_TRUE(status.ok()) << status.error().message;
  }
  const auto status = (*writer)->finish();
  ASSERT_TRUE(status.ok()) << status.error().message;
}

/// Grey level of the lower half of a frame, which names the picture.
inline double measured_level(const capture::Frame& frame) {
  double sum = 0;
  size_t count = 0;
  for (int y = frame.height / 2; y < frame.height; ++y) {
    for (int x = 0; x < frame.width; ++x, ++count) {
      sum += (*frame.bgra)[(size_t(y) * size_t(frame.width) + size_t(x)) * 4 + 1];
    }
  }
  return sum / double(count);
}

}  // namespace tarsier::test
