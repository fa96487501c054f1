// The passes of body and hands behind their networks on recorded frames: the crops of tests/golden, prepared,
// run and read back to the frame's pixels on the device. Skipped, with the reason, where clips or networks
// are missing.
#include <cmath>

#include "models/golden_landmarks.hpp"
#include "vision/body.hpp"
#include "vision/hands.hpp"

namespace tarsier::test {
namespace {

class GoldenBodies : public GoldenLandmarks {
 protected:
  static vision::LandmarkState looking_at(const json& test) {
    const float x = test["crop"][0], y = test["crop"][1], size = test["crop"][2];
    vision::LandmarkState state;
    state.region = {x + size / 2, y + size / 2, size, 1, 1, 0, {}};
    state.since = 0.04F;
    return state;
  }
};

TEST_F(GoldenBodies, PointsOfABodyAreTheReferences) {
  load("movenet_lightning");
  if (!network_) return;
  ASSERT_EQ(outputs_.size(), 1U);
  const auto crop = vision::RegionCrop::create(device(), pipeline::preprocess_desc(network_->entry().input),
                                               network_->input());
  ASSERT_OK(crop);
  const auto landmarks = vision::BodyLandmarks::create(device(), outputs_[0]);
  ASSERT_OK(landmarks);
  for (const auto& test : recorded_["cases"]) {
    const GoldenFrame frame = frame_of(test);
    const gpu::Buffer picture = uploaded(frame);
    vision::LandmarkState state = looking_at(test);
    const vision::Region region = state.region;
    ASSERT_OK(device().upload(landmarks->state(), 0, &state, sizeof state));
    ASSERT_OK(device().run_once([&](gpu::CommandList& commands) {
      crop->record(commands, picture.address(), frame.width, frame.height, landmarks->state().address());
      network_->plan().record(commands);
      landmarks->record(commands, {.frame_width = frame.width, .frame_height = frame.height});
    }));
    ASSERT_OK(device().download(landmarks->state(), 0, &state, sizeof state));
    EXPECT_EQ(state.tracked, 1U);
    std::array<std::array<double, 3>, vision::kBodyPoints> expected{};  // y, x, score
    const auto& samples = test["outputs"][0]["samples"];
    for (size_t i = 0; i < samples.size(); ++i) {
      const size_t at = sample_position(i, 3 * vision::kBodyPoints);
      expected[at / 3][at % 3] = samples[i];
    }
    double worst = 0, worst_score = 0;
    size_t sure = 0;
    for (size_t i = 0; i < vision::kBodyPoints; ++i) {
      const auto& [y, x, score] = expected[i];
      worst_score = std::max(worst_score, std::abs(double(state.points[i].score) - score));
      if (score < 0.3) continue;
      ++sure;
      const double away =
          std::hypot(double(region.centre_x) + (x - 0.5) * double(region.size) - double(state.points[i].x),
                     double(region.centre_y) + (y - 0.5) * double(region.size) - double(state.points[i].y));
      worst = std::max(worst, away);
    }
    // The recorded input was resized in OpenCV's fixed point and cast to whole grey levels, the crop is in
    // floats.
    std::cout << test["clip"] << ": " << sure << " sure points, at most " << worst
              << " pixels of the frame apart, scores " << worst_score << "\n";
    EXPECT_GE(sure, 10U);
    EXPECT_LT(worst, 1.0) << test["clip"];
    EXPECT_LT(worst_score, 0.05) << test["clip"];
  }
}

TEST_F(GoldenBodies, LandmarksOfAHandAreTheReferences) {
  load("hand_landmark_lite");
  if (!network_) return;
  ASSERT_EQ(outputs_.size(), 2U);
  const auto crop = vision::RegionCrop::create(device(), pipeline::preprocess_desc(network_->entry().input),
                                               network_->input());
  ASSERT_OK(crop);
  const auto landmarks =
      vision::HandLandmarks::create(device(), outputs_[0], outputs_[1], network_->input_width());
  ASSERT_OK(landmarks);
  auto buffer = device().create_buffer({.size = sizeof(vision::LandmarkState), .name = "hand"});
  ASSERT_OK(buffer);
  for (const auto& test : recorded_["cases"]) {
    const GoldenFrame frame = frame_of(test);
    const gpu::Buffer picture = uploaded(frame);
    vision::LandmarkState state = looking_at(test);
    const double x = test["crop"][0], y = test["crop"][1], scale = double(state.region.size) / 224;
    ASSERT_OK(device().upload(*buffer, 0, &state, sizeof state));
    ASSERT_OK(device().run_once([&](gpu::CommandList& commands) {
      crop->record(commands, picture.address(), frame.width, frame.height, buffer->address());
      network_->plan().record(commands);
      landmarks->record(commands, {}, buffer->address());
    }));
    ASSERT_OK(device().download(*buffer, 0, &state, sizeof state));
    EXPECT_EQ(state.tracked, 1U);
    EXPECT_NEAR(state.presence, double(test["outputs"][1]["max"]), 0.02);
    double worst = 0;
    const auto& samples = test["outputs"][0]["samples"];
    for (size_t i = 0; i < samples.size(); ++i) {
      const size_t at = sample_position(i, 3 * vision::kHandPoints), axis = at % 3;
      const double in_frame = samples[i].get<double>() * scale + (axis == 0 ? x : 0) + (axis == 1 ? y : 0);
      const auto& point = state.points[at / 3];
      worst = std::max(worst, std::abs(in_frame - double(axis == 0   ? point.x
                                                         : axis == 1 ? point.y
                                                                     : point.z)));
    }
    std::cout << test["clip"] << ": largest difference " << worst << " pixels of the frame, presence "
              << state.presence << "\n";
    EXPECT_LT(worst, 0.6) << test["clip"];
  }
}

}  // namespace
}  // namespace tarsier::test
