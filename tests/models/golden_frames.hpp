// Frames of a clip as tools/golden/frames.py makes them: the same bytes with every build of every decoder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "models/catalogue.hpp"
#include "vision/preprocess.hpp"

namespace tarsier::test {

/// Packed B, G, R, A.
struct GoldenFrame {
  int width = 0, height = 0;
  std::vector<uint32_t> pixels;
  [[nodiscard]] GoldenFrame crop(int x, int y, int size) const;
};

/// The wanted frames, by position in order of presentation, through FFmpeg's planes and an integer BT.601
/// conversion with the nearest chroma sample.
Result<std::map<int, GoldenFrame>> decode_frames(const std::filesystem::path& clip,
                                                 const std::set<int>& wanted);
/// A lossless image.
Result<GoldenFrame> read_image(const std::filesystem::path& path);

/// How the catalogue says that a frame becomes this network's input.
vision::PreprocessDesc preprocess_desc(const models::InputSpec& input);

/// The network's input made on the host.
struct GoldenInput {
  std::string sha256;  // of the fitted picture: bytes, row-major [H,W,3] in the network's channel order
  std::vector<float> values;  // row-major in [1,3,H,W] or [1,H,W,3]
};
GoldenInput prepare(const GoldenFrame& frame, const models::InputSpec& input);

}  // namespace tarsier::test
