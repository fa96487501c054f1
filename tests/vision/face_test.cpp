// Finding a face, its landmarks' filter and its head's pose: against CPU references, published formulas and
// heads whose angles are known.
#include "vision/face.hpp"

#include <cstddef>
#include <map>
#include <numbers>

#include "device_tensor.hpp"
#include "vision/face_model.hpp"

namespace tarsier::vision {
namespace {

using test::Storage;
using Rotation = std::array<std::array<double, 3>, 3>;

/// Yaw, pitch and roll in degrees as HeadPose means them, written down from its words: turns about the
/// camera's axes x right, y down, z away, roll first.
Rotation turned(double yaw, double pitch, double roll) {
  const double to_rad = std::numbers::pi / 180;
  const auto about = [&](size_t axis, double degrees) {
    const double c = std::cos(degrees * to_rad), s = std::sin(degrees * to_rad);
    const size_t u = (axis + 1) % 3, v = (axis + 2) % 3;
    Rotation m{};
    m[axis][axis] = 1;
    m[u][u] = m[v][v] = c;
    m[u][v] = -s;
    m[v][u] = s;
    return m;
  };
  const auto times = [](const Rotation& a, const Rotation& b) {
    Rotation m{};
    for (size_t r = 0; r < 3; ++r) {
      for (size_t c = 0; c < 3; ++c) {
        for (size_t k = 0; k < 3; ++k) m[r][c] += a[r][k] * b[k][c];
      }
    }
    return m;
  };
  // A face looks to -z: a turn about y (down) moves that to -x, a turn about x moves it down, hence the
  // signs.
  return times(times(about(1, -yaw), about(0, -pitch)), about(2, roll));
}

class FaceTest : public test::GpuTest {
 protected:
  static constexpr int kCrop = 192;

  /// FaceLandmarks on what a network would give, one frame after the other.
  struct Chain {
    test::DeviceTensor points, presence;
    FaceLandmarks pass;
    static Chain make(const Storage& storage) {
      Chain chain;
      auto points =
          test::put(device(), {1, 3 * kFacePoints, 1, 1}, std::vector<float>(3 * kFacePoints, 0), storage);
      auto presence = test::put(device(), {1, 1, 1, 1}, {0}, {storage.layout, false, false});
      EXPECT_OK(points);
      EXPECT_OK(presence);
      chain.points = std::move(*points);
      chain.presence = std::move(*presence);
      auto pass = FaceLandmarks::create(device(), chain.points.ref, chain.presence.ref, kCrop);
      EXPECT_OK(pass);
      chain.pass = std::move(*pass);
      return chain;
    }
    void put_state(const FaceState& state) {
      EXPECT_OK(device().upload(pass.state(), 0, &state, sizeof state));
    }
    FaceReference run(const std::vector<float>& values, float logit, const FaceLandmarkParams& params) {
      const Storage storage{points.ref.layout, points.ref.fp16, false};
      auto next = test::put(device(), points.shape, values, storage);
      auto flag = test::put(device(), {1, 1, 1, 1}, {logit}, {storage.layout, false, false});
      EXPECT_OK(next);
      EXPECT_OK(flag);
      const auto into = [](const test::DeviceTensor& from, const test::DeviceTensor& to) {
        std::vector<uint32_t> words(from.words);
        EXPECT_OK(device().download(from.buffer, 0, words.data(), words.size() * 4));
        EXPECT_OK(device().upload(to.buffer, 0, words.data(), words.size() * 4));
      };
      into(*next, points);
      into(*flag, presence);
      EXPECT_OK(device().run_once([&](gpu::CommandList& commands) { pass.record(commands, params); }));
      FaceReference out;
      out.points.resize(kFacePoints);
      out.speeds.resize(kFacePoints);
      const uint64_t bytes = kFacePoints * sizeof(LandmarkPoint);
      EXPECT_OK(device().download(pass.state(), 0, &out.state, sizeof out.state));
      EXPECT_OK(device().download(pass.state(), sizeof(FaceState), out.points.data(), bytes));
      EXPECT_OK(device().download(pass.state(), sizeof(FaceState) + bytes, out.speeds.data(), bytes));
      return out;
    }
  };

  static FaceState seen(const Region& region) {
    FaceState state;
    state.region = region;
    return state;
  }
  /// The canonical head, turned, in pixels of the crop; `distance` in face heights: from there perspective
  /// makes what is nearer larger. The network's depths are on the columns' scale.
  static std::vector<float> head(double yaw, double pitch, double roll, double height_px = 100,
                                 double distance = 1e6) {
    const Rotation m = turned(yaw, pitch, roll);
    std::vector<float> values;
    for (const HeadPoint& p : canonical_head()) {
      const std::array<double, 3> q{double(p.x), double(p.y), double(p.z)};
      std::array<double, 3> at{};
      for (size_t r = 0; r < 3; ++r) at[r] = m[r][0] * q[0] + m[r][1] * q[1] + m[r][2] * q[2];
      const double near = distance / (distance + at[2]);
      values.push_back(float(kCrop / 2.0 + at[0] * near * height_px));
      values.push_back(float(kCrop / 2.0 + at[1] * near * height_px));
      values.push_back(float(at[2] * height_px));
    }
    return values;
  }
};

TEST_F(FaceTest, TheStateLiesAsTheShaderReadsIt) {
  EXPECT_EQ(offsetof(FaceState, x0), 32U);
  EXPECT_EQ(offsetof(FaceState, presence), 48U);
  EXPECT_EQ(offsetof(FaceState, axes), 64U);
  EXPECT_EQ(offsetof(FaceState, pose), 112U);
}

TEST_F(FaceTest, AnchorsAreTheSpecifiedOnes) {
  const auto near = face_anchors(896, 128);
  ASSERT_OK(near);
  const auto expect = [](const FaceAnchors& anchors, int anchor, float x, float y) {
    EXPECT_EQ(anchors.centre(anchor)[0], x) << anchor;
    EXPECT_EQ(anchors.centre(anchor)[1], y) << anchor;
  };
  expect(*near, 0, 0.5F / 16, 0.5F / 16);
  expect(*near, 1, 0.5F / 16, 0.5F / 16);  // two a cell
  expect(*near, 2, 1.5F / 16, 0.5F / 16);
  expect(*near, 511, 15.5F / 16, 15.5F / 16);
  expect(*near, 512, 0.5F / 8, 0.5F / 8);
  expect(*near, 517, 0.5F / 8, 0.5F / 8);  // six a cell
  expect(*near, 895, 7.5F / 8, 7.5F / 8);
  const auto far = face_anchors(2304, 192);
  ASSERT_OK(far);
  expect(*far, 2303, 47.5F / 48, 47.5F / 48);
  const auto none = face_anchors(1000, 128);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message.find("896 or 1024"), std::string::npos) << none.error().message;
}

class FaceDecodeTest : public FaceTest {
 protected:
  static constexpr int kAnchors = 896, kSize = 128;
  std::vector<float> boxes_ = test::random_values(size_t(kAnchors) * 16, -40, 60, 11);
  std::vector<float> scores_ = test::random_values(kAnchors, -9, -2, 12);

  /// A face with its eyes, told by this anchor.
  void face(int anchor, float logit, float x, float y, float size, float eye_rise) {
    const auto centre = face_anchors(kAnchors, kSize)->centre(anchor);
    float* row = &boxes_[size_t(anchor) * 16];
    const float from_x = centre[0] * kSize, from_y = centre[1] * kSize;
    row[0] = x - from_x;
    row[1] = y - from_y;
    row[2] = row[3] = size;
    row[4] = x - size / 4 - from_x;
    row[5] = y - size / 6 + eye_rise - from_y;
    row[6] = x + size / 4 - from_x;
    row[7] = y - size / 6 - eye_rise - from_y;
    scores_[size_t(anchor)] = logit;
  }
  FaceState decode(const FaceState& before, const FaceDetectParams& params, const Fit& fit,
                   bool fp16 = false) {
    auto boxes = test::put(device(), {1, kAnchors, 16}, boxes_, {TensorLayout::kLinear, fp16, false});
    auto scores = test::put(device(), {1, kAnchors, 1}, scores_, {TensorLayout::kLinear, fp16, false});
    EXPECT_OK(boxes);
    EXPECT_OK(scores);
    auto pass = FaceDecoder::create(device(), boxes->ref, scores->ref, kSize, kSize);
    EXPECT_OK(pass);
    auto state = device().create_buffer({.size = kFaceStateBytes, .name = "state"});
    EXPECT_OK(state);
    EXPECT_OK(device().upload(*state, 0, &before, sizeof before));
    EXPECT_OK(device().run_once(
        [&](gpu::CommandList& commands) { pass->record(commands, params, fit, state->address()); }));
    FaceState got;
    EXPECT_OK(device().download(*state, 0, &got, sizeof got));
    const auto expected = face_decode_reference(boxes->host(), scores->host(), kSize, params, fit, before);
    EXPECT_OK(expected);
    EXPECT_EQ(got.tracked, expected->tracked);
    EXPECT_EQ(got.region.valid, expected->region.valid);
    EXPECT_NEAR(got.score, expected->score, 1e-5);
    EXPECT_NEAR(got.region.centre_x, expected->region.centre_x, 2e-3);
    EXPECT_NEAR(got.region.centre_y, expected->region.centre_y, 2e-3);
    EXPECT_NEAR(got.region.size, expected->region.size, 2e-3);
    EXPECT_NEAR(got.region.axis_x, expected->region.axis_x, 1e-4);
    EXPECT_NEAR(got.region.axis_y, expected->region.axis_y, 1e-4);
    return got;
  }
};

TEST_F(FaceDecodeTest, FindsTheBestFaceWhereItIs) {
  face(300, 2.0F, 60, 70, 24, 0);
  face(301, 1.0F, 62, 70, 26, 0);    // the same face, less sure: its part is in the mean
  face(700, 1.5F, 100, 30, 20, 0);   // another one
  const Fit fit{0.2F, 0.2F, 0, 16};  // 640x480 in the middle of 128x128
  const FaceState got = decode({}, {}, fit);
  EXPECT_EQ(got.tracked, 0U);
  ASSERT_EQ(got.region.valid, 1U);
  EXPECT_NEAR(got.score, 0.8808, 1e-3);
  const double a = 0.8808, b = 0.7311;
  EXPECT_NEAR(got.region.centre_x, (60 * a + 62 * b) / (a + b) / 0.2, 0.05);
  EXPECT_NEAR(got.region.centre_y, (70 - 16) / 0.2, 0.05);
  EXPECT_NEAR(got.region.size, 1.5 * (24 * a + 26 * b) / (a + b) / 0.2, 0.05);
  decode({}, {}, fit, /*fp16=*/true);
}

TEST_F(FaceDecodeTest, TurnsTheRegionByTheEyes) {
  face(300, 2.0F, 60, 70, 24, -3);  // the right eye (left in the picture) is higher
  const FaceState got = decode({}, {}, {0.2F, 0.2F, 0, 16});
  const double angle = std::atan2(6, 12);
  EXPECT_NEAR(got.region.axis_x, std::cos(angle), 1e-3);
  EXPECT_NEAR(got.region.axis_y, std::sin(angle), 1e-3);
}

TEST_F(FaceDecodeTest, FindsNothingBelowTheScore) {
  face(300, -0.1F, 60, 70, 24, 0);
  FaceState got = decode({}, {}, {});
  EXPECT_EQ(got.region.valid, 0U);
  EXPECT_EQ(got.score, 0);
  got = decode({}, {.score = 0.4F}, {});
  EXPECT_EQ(got.region.valid, 1U);
}

TEST_F(FaceDecodeTest, LeavesATrackedFaceWhereTheLandmarksPutIt) {
  const Fit fit{0.2F, 0.2F, 0, 16};
  FaceState tracked = seen({290, 260, 200, 1, 0.98F, 0.2F, {}});
  tracked.tracked = 1;
  tracked.x0 = 250;
  tracked.x1 = 350;
  tracked.y0 = 220;
  tracked.y1 = 330;
  // Nothing found: the landmark network says whether it is there.
  EXPECT_EQ(decode(tracked, {}, fit).tracked, 1U);
  // Another, surer one far away, and the tracked one.
  face(700, 3, 110, 30, 20, 0);
  face(300, 1, 60, 70, 22, 0);
  FaceState got = decode(tracked, {}, fit);
  EXPECT_EQ(got.tracked, 1U);
  EXPECT_EQ(got.region.centre_x, 290);
  // A clip that starts again has nobody yet.
  EXPECT_EQ(decode(tracked, {.reset = true}, fit).tracked, 0U);
  // Only the other one: what was tracked is no face any more.
  scores_[300] = -9;
  got = decode(tracked, {}, fit);
  EXPECT_EQ(got.tracked, 0U);
  EXPECT_NEAR(got.region.centre_x, 550, 0.1);
}

TEST_F(FaceDecodeTest, RefusesOtherOutputs) {
  auto boxes = test::put(device(), {1, 100, 12}, std::vector<float>(1200, 0));
  auto scores = test::put(device(), {1, 100, 1}, std::vector<float>(100, 0));
  ASSERT_OK(boxes);
  ASSERT_OK(scores);
  const auto pass = FaceDecoder::create(device(), boxes->ref, scores->ref, 128, 128);
  ASSERT_FALSE(pass.ok());
  EXPECT_EQ(pass.error().exit_code(), 2);
  EXPECT_NE(pass.error().message.find("[1,100,12]"), std::string::npos) << pass.error().message;
  const auto landmarks = FaceLandmarks::create(device(), boxes->ref, scores->ref, 192);
  ASSERT_FALSE(landmarks.ok());
  EXPECT_NE(landmarks.error().message.find("[1,1404,1,1]"), std::string::npos) << landmarks.error().message;
}

void expect_equal(const FaceReference& got, const FaceReference& expected) {
  EXPECT_EQ(got.state.tracked, expected.state.tracked);
  EXPECT_EQ(got.state.region.valid, expected.state.region.valid);
  EXPECT_NEAR(got.state.presence, expected.state.presence, 1e-5);
  if (expected.state.tracked == 0) return;
  EXPECT_NEAR(got.state.region.centre_x, expected.state.region.centre_x, 5e-3);
  EXPECT_NEAR(got.state.region.centre_y, expected.state.region.centre_y, 5e-3);
  EXPECT_NEAR(got.state.region.size, expected.state.region.size, 5e-3);
  EXPECT_NEAR(got.state.region.axis_y, expected.state.region.axis_y, 1e-4);
  EXPECT_NEAR(got.state.x0, expected.state.x0, 5e-3);
  EXPECT_NEAR(got.state.y1, expected.state.y1, 5e-3);
  for (size_t i = 0; i < kFacePoints; ++i) {
    ASSERT_NEAR(got.points[i].x, expected.points[i].x, 5e-3) << i;
    ASSERT_NEAR(got.points[i].y, expected.points[i].y, 5e-3) << i;
    ASSERT_NEAR(got.points[i].z, expected.points[i].z, 5e-3) << i;
    ASSERT_NEAR(got.speeds[i].x, expected.speeds[i].x, 5e-3) << i;
  }
  EXPECT_NEAR(got.state.pose.yaw, expected.state.pose.yaw, 0.02);
  EXPECT_NEAR(got.state.pose.pitch, expected.state.pose.pitch, 0.02);
  EXPECT_NEAR(got.state.pose.roll, expected.state.pose.roll, 0.02);
  EXPECT_NEAR(got.state.scale, expected.state.scale, 0.02);
}

TEST_F(FaceTest, LandmarksFilterRegionAndPoseEqualTheReference) {
  for (const Storage& storage :
       {Storage{}, Storage{TensorLayout::kC4, false, false}, Storage{TensorLayout::kC4, true, false}}) {
    SCOPED_TRACE(name_of(storage));
    Chain chain = Chain::make(storage);
    FaceReference expected;
    expected.state = seen({310, 205, 180, 1, std::cos(0.3F), std::sin(0.3F), {}});
    chain.put_state(expected.state);
    for (int frame = 0; frame < 6; ++frame) {
      auto values = head(5 + 3 * frame, -8 + frame, 2, 110 + frame);
      const auto noise = test::random_values(values.size(), -1, 1, 20 + uint32_t(frame));
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] += noise[i];
        if (storage.fp16) values[i] = half_to_float(float_to_half(values[i]));
      }
      FaceLandmarkParams params;
      params.seconds = frame == 4 ? 0.0F : 1 / 30.0F;  // once the same frame again
      expected = face_landmarks_reference(values, 4, kCrop, params, expected);
      const FaceReference got = chain.run(values, 4, params);
      expect_equal(got, expected);
      EXPECT_EQ(got.speeds[9].x != 0, frame >= 3) << "the first three frames are not filtered";
      expected = got;  // so that rounding does not add up
    }
  }
}

/// A still picture, or a window that was paused when the stage began: the first looks settle, then points
/// stay.
TEST_F(FaceTest, TheSameFrameAgainSettlesAndThenStays) {
  Chain chain = Chain::make({});
  FaceReference expected;
  expected.state = seen({310, 205, 180, 1, 1, 0, {}});
  chain.put_state(expected.state);
  FaceReference settled;
  for (uint32_t look = 0; look < 5; ++look) {
    SCOPED_TRACE(look);
    const auto values = head(5 + 3 * float(look), 0, 0);
    expected = face_landmarks_reference(values, 4, kCrop, {}, expected);
    const FaceReference got = chain.run(values, 4, {});
    expect_equal(got, expected);
    EXPECT_EQ(got.state.tracked, std::min(look + 1, kFaceSettledFrames));
    if (look + 1 == kFaceSettledFrames) settled = got;
    if (look + 1 > kFaceSettledFrames) {
      EXPECT_EQ(got.points[9].x, settled.points[9].x);
    }
    expected = got;
  }
}

TEST_F(FaceTest, AFaceIsLostAtOnceAndComesBackUnfiltered) {
  Chain chain = Chain::make({});
  chain.put_state(seen({200, 200, 192, 1, 1, 0, {}}));
  FaceLandmarkParams params;
  params.seconds = 0.04F;
  EXPECT_EQ(chain.run(head(0, 0, 0), 3, params).state.tracked, 1U);
  FaceState state = chain.run(head(0, 0, 0), -3, params).state;
  EXPECT_EQ(state.tracked, 0U);
  EXPECT_EQ(state.region.valid, 0U);
  // However sure the network is of a black picture.
  state = chain.run(head(0, 0, 0), 9, params).state;
  EXPECT_EQ(state.tracked, 0U);
  EXPECT_EQ(state.presence, 0);
  // Found elsewhere: points start there, not on the way.
  chain.put_state(seen({500, 200, 192, 1, 1, 0, {}}));
  const auto back = chain.run(head(0, 0, 0), 3, params);
  EXPECT_EQ(back.state.tracked, 1U);
  EXPECT_NEAR(back.points[0].x, 500 + head(0, 0, 0)[0] - 96, 0.01);
  EXPECT_EQ(back.speeds[0].x, 0);
}

/// Algorithm 1 of the paper, for one number.
struct OneEuro {
  double min_cutoff, beta, d_cutoff;
  bool first = true;
  double x_hat = 0, dx_hat = 0;
  static double smoothing(double rate, double cutoff) {
    const double tau = 1 / (2 * std::numbers::pi * cutoff), te = 1 / rate;
    return 1 / (1 + tau / te);
  }
  double filter(double x, double rate, double scale) {
    const double dx = first ? 0 : (x - x_hat) * rate / scale;
    const double edx_alpha = first ? 1 : smoothing(rate, d_cutoff);
    dx_hat = edx_alpha * dx + (1 - edx_alpha) * dx_hat;
    const double alpha = first ? 1 : smoothing(rate, min_cutoff + beta * std::abs(dx_hat));
    x_hat = alpha * x + (1 - alpha) * x_hat;
    first = false;
    return x_hat;
  }
};

TEST_F(FaceTest, PointsFollowTheOneEuroFormula) {
  Chain chain = Chain::make({});
  const FaceLandmarkParams base{.presence = 0.5F, .filter = {0.8F, 6, 1.2F}, .seconds = 0};
  OneEuro x{0.8, 6, 1.2}, z{0.8, 6, 1.2};
  // Frames do not come evenly; the face jumps, stands and moves.
  const float times[] = {0.033F, 0.033F, 0.05F, 0.02F, 0.033F, 0.1F, 0.033F, 0.033F};
  const float moves[] = {0, 0.7F, -0.6F, 9, 20, 31, 31.5F, 30.8F};
  const size_t point = 200;
  for (size_t frame = 0; frame < std::size(times); ++frame) {
    auto values = head(0, 0, 0);
    for (size_t i = 0; i < kFacePoints; ++i) {
      values[3 * i] += moves[frame];
      values[3 * i + 2] += moves[frame] / 2;
    }
    // The same region again, as if it had stayed: the crop's pixels are the frame's then.
    FaceState state;
    EXPECT_OK(device().download(chain.pass.state(), 0, &state, sizeof state));
    state.region = {300, 300, float(kCrop), 1, 1, 0, {}};
    state.tracked = state.tracked != 0 ? 3 : 0;  // nothing to settle
    chain.put_state(state);
    FaceLandmarkParams params = base;
    params.seconds = times[frame];
    const auto got = chain.run(values, 5, params);
    const double rate = 1 / double(times[frame]), size = double(got.state.size);
    EXPECT_NEAR(got.points[point].x, x.filter(300 - kCrop / 2 + double(values[3 * point]), rate, size), 2e-3);
    EXPECT_NEAR(got.points[point].z, z.filter(double(values[3 * point + 2]), rate, size), 2e-3);
  }
}

TEST_F(FaceTest, SteadiesAFaceThatStandsStill) {
  Chain chain = Chain::make({});
  chain.put_state(seen({300, 300, float(kCrop), 1, 1, 0, {}}));
  FaceLandmarkParams params;
  params.seconds = 1 / 30.0F;
  double raw = 0, filtered = 0;
  std::vector<float> last;
  float last_x = 0;
  for (int frame = 0; frame < 40; ++frame) {
    auto values = head(0, 0, 0);
    const auto noise = test::random_values(values.size(), -1, 1, 50 + uint32_t(frame));
    for (size_t i = 0; i < values.size(); ++i) values[i] += noise[i];
    FaceState state;
    EXPECT_OK(device().download(chain.pass.state(), 0, &state, sizeof state));
    state.region = {300, 300, float(kCrop), 1, 1, 0, {}};
    chain.put_state(state);
    const auto got = chain.run(values, 5, params);
    if (frame > 10) {
      raw += std::abs(double(values[60] - last[60]));
      filtered += std::abs(double(got.points[20].x - last_x));
    }
    last = values;
    last_x = got.points[20].x;
  }
  EXPECT_LT(filtered, raw / 3) << "pixels of jitter over 29 frames";
}

TEST_F(FaceTest, FindsTheAnglesOfAHead) {
  Chain chain = Chain::make({});
  double worst = 0;
  for (const double yaw : {-40.0, -15.0, 0.0, 25.0, 50.0}) {
    for (const double pitch : {-30.0, 0.0, 20.0}) {
      for (const double roll : {-35.0, 0.0, 15.0}) {
        SCOPED_TRACE(fmt::format("yaw {} pitch {} roll {}", yaw, pitch, roll));
        // Half a metre before a camera, the face 0.18 m high, and a network that is a pixel off.
        auto values = head(yaw, pitch, roll, 100, 0.5 / 0.18);
        const auto noise = test::random_values(values.size(), -1, 1, 7);
        for (size_t i = 0; i < values.size(); ++i) values[i] += noise[i];
        chain.put_state(seen({320, 240, float(kCrop), 1, 1, 0, {}}));
        const auto got = chain.run(values, 5, {.seconds = 0.03F});
        ASSERT_EQ(got.state.tracked, 1U);
        EXPECT_NEAR(got.state.pose.yaw, yaw, 3);
        EXPECT_NEAR(got.state.pose.pitch, pitch, 3);
        EXPECT_NEAR(got.state.pose.roll, roll, 3);
        worst = std::max({worst, std::abs(double(got.state.pose.yaw) - yaw),
                          std::abs(double(got.state.pose.pitch) - pitch),
                          std::abs(double(got.state.pose.roll) - roll)});
      }
    }
  }
  printf("largest error of an angle: %.2f degrees\n", worst);
}

TEST_F(FaceTest, TheCropsOwnTurnIsPartOfTheHeads) {
  Chain chain = Chain::make({});
  const float angle = 0.4F;
  chain.put_state(seen({320, 240, 250, 1, std::cos(angle), std::sin(angle), {}}));
  const auto got = chain.run(head(0, 0, 0), 5, {.seconds = 0.03F});
  EXPECT_NEAR(got.state.pose.roll, double(angle) * 180 / std::numbers::pi, 0.1);
  EXPECT_NEAR(got.state.pose.yaw, 0, 0.1);
  EXPECT_NEAR(got.state.region.axis_y, std::sin(angle), 1e-3);
}

TEST(FaceModel, IsASymmetricalHeadWithAWholeMesh) {
  double x = 0, y = 0, z = 0, weights = 0;
  const auto& head = canonical_head();
  for (const auto& p : head) {
    x += double(p.weight * p.x);
    y += double(p.weight * p.y);
    z += double(p.weight * p.z);
    weights += double(p.weight);
    // Its mirror image is a point, too.
    bool found = false;
    for (const auto& q : head) found = found || std::hypot(p.x + q.x, p.y - q.y, p.z - q.z) < 1e-3F;
    EXPECT_TRUE(found) << p.x << ", " << p.y;
  }
  EXPECT_NEAR(x / weights, 0, 1e-3);
  EXPECT_NEAR(y / weights, 0, 1e-3);
  EXPECT_NEAR(z / weights, 0, 1e-3);
  EXPECT_LT(head[kNoseTip].z, head[10].z);  // the nose is nearer to the camera than the forehead,
  EXPECT_LT(head[10].y, head[152].y);       // which is above the chin,
  EXPECT_LT(head[33].x, head[263].x);       // and the right eye is on the picture's left
  // Each edge belongs to two triangles, or to one at a border; nothing is left out.
  std::map<FaceEdge, int> sides;
  std::vector<bool> used(kFacePoints, false);
  for (const auto& t : face_triangles()) {
    for (size_t k = 0; k < 3; ++k) {
      const uint16_t a = t[k], b = t[(k + 1) % 3];
      ASSERT_LT(a, kFacePoints);
      used[a] = true;
      ++sides[{std::min(a, b), std::max(a, b)}];
    }
  }
  for (const auto& [side, times] : sides) EXPECT_LE(times, 2);
  for (size_t i = 0; i < used.size(); ++i) EXPECT_TRUE(used[i]) << i;
  EXPECT_EQ(face_edges().size(), sides.size());
  // A contour is closed: as many lines leave each of its points as arrive.
  std::map<uint16_t, int> ends;
  for (const auto& edge : face_contours()) {
    ++ends[edge[0]];
    ++ends[edge[1]];
  }
  EXPECT_GE(ends.size(), 70U);
  for (const auto& [point, times] : ends) EXPECT_EQ(times % 2, 0) << point;
}

}  // namespace
}  // namespace tarsier::vision
