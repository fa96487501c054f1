// Recorded crops of tests/golden behind the passes that read a network's landmarks: what their tests share.
#pragma once

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.hpp"
#include "models/golden_frames.hpp"
#include "pipeline/network.hpp"
#include "support/gpu_fixture.hpp"
#include "support/test_data.hpp"
#include "vision/region_crop.hpp"

namespace tarsier::test {

using nlohmann::json;

class GoldenLandmarks : public GpuTest {
 protected:
  std::unique_ptr<pipeline::Network> network_;
  std::vector<vision::TensorRef> outputs_;
  json recorded_;

  void load(const std::string& name) {
    if (const auto why = missing_network(name); !why.empty()) GTEST_SKIP() << why;
    const auto text = read_text(home_dir() / "tests/golden" / (name + ".json"));
    ASSERT_OK(text);
    recorded_ = json::parse(*text);
    for (const auto& test : recorded_["cases"]) {
      if (const auto why = missing_file(shared_clip(test["clip"])); !why.empty()) GTEST_SKIP() << why;
    }
    const auto catalogue = models::Catalogue::load_default();
    ASSERT_OK(catalogue);
    const auto entry = catalogue->resolve(name);
    ASSERT_OK(entry);
    const auto store = models::store_options({});
    ASSERT_OK(store);
    auto network = pipeline::Network::load(device(), *entry, *store, {});
    ASSERT_OK(network);
    network_ = *std::move(network);
    for (const auto& output : entry->outputs) {
      const auto tensor = network_->output(output);
      ASSERT_OK(tensor);
      outputs_.push_back(*tensor);
    }
  }
  static GoldenFrame frame_of(const json& test) {
    const int index = test["frame"];
    auto frames = decode_frames(shared_clip(test["clip"]), {index});
    EXPECT_OK(frames);
    return frames.ok() ? std::move(frames->at(index)) : GoldenFrame{};
  }
  static gpu::Buffer uploaded(const GoldenFrame& frame) {
    auto buffer = device().create_buffer({.size = frame.pixels.size() * 4, .name = "frame"});
    EXPECT_OK(buffer);
    EXPECT_OK(device().upload(*buffer, 0, frame.pixels.data(), frame.pixels.size() * 4));
    return *std::move(buffer);
  }
};

inline size_t sample_position(uint64_t i, size_t count) {  // tests/golden/README.md
  uint64_t z = (i + 1) * 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return size_t((z ^ (z >> 31)) % count);
}

}  // namespace tarsier::test
