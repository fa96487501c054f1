// The face passes behind their networks on recorded frames: the crops of tests/golden, prepared, run and read
// back to the frame's pixels on the device. Skipped, with the reason, where clips or networks are missing.
#include <cmath>

#include "models/golden_landmarks.hpp"
#include "vision/face.hpp"

namespace tarsier::test {
namespace {

using nlohmann::json;

using GoldenFaces = GoldenLandmarks;

TEST_F(GoldenFaces, LandmarksOfACropAreTheReferences) {
  load("face_landmark");
  if (!network_) return;
  const auto crop = vision::RegionCrop::create(device(), pipeline::preprocess_desc(network_->entry().input),
                                               network_->input());
  ASSERT_OK(crop);
  const auto landmarks =
      vision::FaceLandmarks::create(device(), outputs_[0], outputs_[1], network_->input_width());
  ASSERT_OK(landmarks);
  for (const auto& test : recorded_["cases"]) {
    const GoldenFrame frame = frame_of(test);
    const gpu::Buffer picture = uploaded(frame);
    const float x = test["crop"][0], y = test["crop"][1], size = test["crop"][2];
    vision::FaceState state;
    state.region = {x + size / 2, y + size / 2, size, 1, 1, 0, {}};
    ASSERT_OK(device().upload(landmarks->state(), 0, &state, sizeof state));
    ASSERT_OK(device().run_once([&](gpu::CommandList& commands) {
      crop->record(commands, picture.address(), frame.width, frame.height, landmarks->state().address());
      network_->plan().record(commands);
      landmarks->record(commands, {});
    }));
    std::vector<float> points(4 * vision::kFacePoints);
    ASSERT_OK(device().download(landmarks->state(), 0, &state, sizeof state));
    ASSERT_OK(device().download(landmarks->state(), sizeof state, points.data(), points.size() * 4));
    EXPECT_EQ(state.tracked, 1U);
    const double logit = test["outputs"][1]["max"];
    EXPECT_NEAR(state.presence, 1 / (1 + std::exp(-logit)), 1e-3);
    double worst = 0;
    const auto& samples = test["outputs"][0]["samples"];
    for (size_t i = 0; i < samples.size(); ++i) {
      const size_t at = sample_position(i, 3 * vision::kFacePoints), axis = at % 3;
      const double in_frame = samples[i].get<double>() / 192 * double(size) + (axis == 0 ? double(x) : 0) +
                              (axis == 1 ? double(y) : 0);
      worst = std::max(worst, std::abs(in_frame - double(points[at / 3 * 4 + axis])));
    }
    // The recorded input was resized in OpenCV's fixed point, the crop in floats: a grey level apart here and
    // there.
    std::cout << test["clip"] << ": largest difference " << worst << " pixels of the frame\n";
    EXPECT_LT(worst, 0.3) << test["clip"];
  }
}

TEST_F(GoldenFaces, TheDetectorFindsTheFaceWithTheReferencesScore) {
  load("face_detection_short");
  if (!network_) return;
  const auto decoder = vision::FaceDecoder::create(device(), outputs_[0], outputs_[1],
                                                   network_->input_width(), network_->input_height());
  ASSERT_OK(decoder);
  auto state_buffer = device().create_buffer({.size = vision::kFaceStateBytes, .name = "state"});
  ASSERT_OK(state_buffer);
  auto ring = gpu::FrameRing::create(device(), 2, 1 << 16);
  ASSERT_OK(ring);
  for (const auto& test : recorded_["cases"]) {
    const GoldenFrame frame = frame_of(test).crop(test["crop"][0], test["crop"][1], test["crop"][2]);
    const gpu::Buffer picture = uploaded(frame);
    auto context = (*ring)->begin();
    ASSERT_OK(context);
    network_->record(**context, {&picture, 0, frame.width, frame.height}, "detector");
    decoder->record((*context)->commands(), {.reset = true}, network_->fit(frame.width, frame.height),
                    state_buffer->address());
    ASSERT_OK((*ring)->submit(**context));
    (*ring)->drain();
    vision::FaceState state;
    ASSERT_OK(device().download(*state_buffer, 0, &state, sizeof state));
    const double logit = test["outputs"][1]["max"];
    EXPECT_NEAR(state.score, 1 / (1 + std::exp(-logit)), 1e-3);
    EXPECT_EQ(state.region.valid, 1U);
    // The face of these frames fills the square of 130 pixels at (236, 76), which is (156, 76) here.
    EXPECT_NEAR(state.region.centre_x, 156 + 65, 20) << test["clip"];
    EXPECT_NEAR(state.region.centre_y, 76 + 65, 20) << test["clip"];
    EXPECT_NEAR(state.region.size, 130, 50) << test["clip"];
    std::cout << test["clip"] << ": " << state.region.centre_x << ", " << state.region.centre_y << ", size "
              << state.region.size << ", axis " << state.region.axis_x << ", " << state.region.axis_y << "\n";
    EXPECT_GT(state.region.axis_x, 0.95F);
  }
}

}  // namespace
}  // namespace tarsier::test
