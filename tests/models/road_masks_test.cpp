// The masks of the road networks on CamVid's validation drive: TwinLiteNet's against those that the reference
// runtime gave (tests/golden/README.md), roadnet's against the labels. Skipped where the drive is not at
// hand.
#include <array>
#include <chrono>
#include <cstdlib>
#include <gtest/gtest.h>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <zlib.h>

#include "core/file.hpp"
#include "models/device_chain.hpp"
#include "models/golden_frames.hpp"
#include "support/gpu_fixture.hpp"
#include "support/test_data.hpp"
#include "vision/mask.hpp"

namespace tarsier::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kWidth = 640, kHeight = 360, kArea = kWidth * kHeight;

/// The recorded masks: [image][output][row][column], one byte a pixel.
std::vector<uint8_t> recorded_masks(size_t images) {
  const auto packed = read_file(home_dir() / "tests/golden/twinlitenet_masks.bin");
  if (!packed.ok()) return {};
  std::vector<uint8_t> bits(images * 2 * kArea / 8);
  uLongf size = bits.size();
  if (uncompress(bits.data(), &size, reinterpret_cast<const Bytef*>(packed->data()), packed->size()) !=
          Z_OK ||
      size != bits.size()) {
    return {};
  }
  std::vector<uint8_t> masks(bits.size() * 8);
  for (size_t i = 0; i < masks.size(); ++i) {
    const bool first_row = i / kWidth % kHeight == 0;
    masks[i] = uint8_t(((bits[i / 8] >> (7 - i % 8)) & 1) ^ (first_row ? 0 : masks[i - kWidth]));
  }
  return masks;
}

/// Intersection over union of a drivable mask and the label's road, at the label's resolution, unlabelled
/// pixels left out.
struct RoadOverlap {
  size_t both = 0, either = 0;
  void add(std::span<const uint8_t> mask, const GoldenFrame& label) {
    const auto label_width = size_t(label.width), label_height = size_t(label.height);
    for (size_t y = 0; y < label_height; ++y) {
      for (size_t x = 0; x < label_width; ++x) {
        const uint32_t truth = label.pixels[y * label_width + x] & 255;  // 3 road, 11 void
        const bool road = mask[y * kHeight / label_height * kWidth + x * kWidth / label_width] != 0;
        both += road && truth == 3 ? 1 : 0;
        either += (road || truth == 3) && truth != 11 ? 1 : 0;
      }
    }
  }
  [[nodiscard]] double value() const { return double(both) / double(either); }
};

class RoadMasks : public GpuTest {
 protected:
  fs::path drive_ = shared_folder() / "labels" / "camvid_val";
  std::unique_ptr<DeviceChain> chain_;
  std::vector<vision::MaskPass> passes_;

  void load(const Located& located) {
    auto chain = DeviceChain::create(device(), located, kArea);
    ASSERT_OK(chain);
    chain_ = std::move(*chain);
    for (const auto& output : chain_->outputs) {
      auto pass = vision::MaskPass::create(device(), vision::MaskKind::kTwoLogits, output, 1);
      ASSERT_OK(pass);
      passes_.push_back(std::move(*pass));
    }
    ASSERT_EQ(passes_.size(), 2U);
  }

  /// Both masks, one after the other, one byte a pixel.
  Result<std::vector<uint8_t>> masks(const GoldenFrame& picture) {
    TARSIER_CHECK(device().run_once([&](gpu::CommandList& commands) {
      chain_->record(commands, picture);
      for (const auto& pass : passes_) pass.record(commands, 0);
    }));
    std::vector<uint8_t> got(2 * kArea);
    for (size_t output = 0; output < 2; ++output)
      TARSIER_CHECK(device().download(passes_[output].mask(0), 0, &got[output * kArea], kArea));
    for (auto& pixel : got) pixel = pixel >= 128 ? 1 : 0;
    return got;
  }
};

TEST_F(RoadMasks, OfTwinLiteNetAgreeWithTheReferencesOnTheWholeDrive) {
  const json recorded = golden("twinlitenet_masks.json");
  ASSERT_FALSE(recorded.empty());
  const auto located = locate("twinlitenet");
  if (!located.ok()) GTEST_SKIP() << located.error().message;
  if (const auto why = missing_file(drive_); !why.empty()) GTEST_SKIP() << why;
  const auto& images = recorded["images"];
  ASSERT_EQ(recorded["width"], kWidth);
  ASSERT_EQ(recorded["height"], kHeight);
  const auto expected_masks = recorded_masks(images.size());
  ASSERT_FALSE(expected_masks.empty()) << "twinlitenet_masks.bin cannot be unpacked";
  ASSERT_NO_FATAL_FAILURE(load(*located));

  // Spread over the drive first, so that a slow device that runs out of time has seen all of it.
  constexpr size_t kSpread = 6;
  constexpr auto kBudget = std::chrono::minutes(3);
  const bool full = std::getenv("TARSIER_FULL_TESTS") != nullptr;
  std::vector<size_t> order;
  for (size_t first = 0; first < kSpread; ++first) {
    for (size_t i = first; i < images.size(); i += kSpread) order.push_back(i);
  }
  const auto begin = std::chrono::steady_clock::now();
  std::array<size_t, 2> equal{};
  RoadOverlap ours, reference;
  size_t done = 0;
  for (const size_t i : order) {
    if (!full && done >= images.size() / kSpread && std::chrono::steady_clock::now() - begin > kBudget) break;
    const std::string name = images[i]["name"];
    const auto picture = read_image(drive_ / "images" / name);
    ASSERT_OK(picture);
    ASSERT_EQ(prepare(*picture, located->entry.input).sha256, images[i]["input_sha256"].get<std::string>())
        << name;
    const auto got = masks(*picture);
    ASSERT_OK(got);
    const std::span expected(&expected_masks[i * 2 * kArea], 2 * kArea);
    for (size_t p = 0; p < got->size(); ++p) equal[p / kArea] += (*got)[p] == expected[p] ? 1 : 0;
    const auto label = read_image(drive_ / "labels" / name);
    ASSERT_OK(label);
    ours.add(*got, *label);
    reference.add(expected, *label);
    ++done;
  }
  std::cout << done << " of " << images.size() << " frames"
            << (done < images.size() ? " (out of time; TARSIER_FULL_TESTS=1 runs all)" : "") << ", road IoU "
            << ours.value() << ", reference " << reference.value() << '\n';
  EXPECT_NEAR(ours.value(), reference.value(), 0.002);
  if (done == images.size()) {
    EXPECT_NEAR(reference.value(), recorded["road_iou"].get<double>(), 1e-4);
  }
  for (size_t output = 0; output < 2; ++output) {
    const double agreement = double(equal[output]) / double(kArea * done);
    std::cout << recorded["outputs"][output] << ": " << agreement * 100 << "% of the pixels agree\n";
    EXPECT_GE(agreement, 0.999);
  }
}

/// The network that comes with Tarsier, on a kind of road that it was not trained on.
TEST_F(RoadMasks, OfRoadnetCoverTheRoad) {
  if (const auto why = missing_file(drive_); !why.empty()) GTEST_SKIP() << why;
  const auto located = locate("roadnet");
  ASSERT_OK(located);
  ASSERT_NO_FATAL_FAILURE(load(*located));
  RoadOverlap overlap;
  size_t frames = 0;
  for (const auto& item : fs::directory_iterator(drive_ / "images")) {
    const auto picture = read_image(item.path());
    ASSERT_OK(picture);
    const auto label = read_image(drive_ / "labels" / item.path().filename());
    ASSERT_OK(label);
    const auto got = masks(*picture);
    ASSERT_OK(got);
    overlap.add(*got, *label);
    ++frames;
  }
  std::cout << "road IoU " << overlap.value() << " on " << frames << " frames\n";
  EXPECT_EQ(frames, 51U);
  // What PyTorch reaches with the shipped weights (docs/training/roadnet.md).
  EXPECT_NEAR(overlap.value(), 0.848, 0.005);
}

}  // namespace
}  // namespace tarsier::test
