// What a face wears, on heads of known pose: where a projection on the host says, hidden where the head is
// before it, lit, and not there without a face.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "present/object_model.hpp"
#include "present/scene_fixture.hpp"
#include "vision/face_model.hpp"

namespace tarsier::present {
namespace {

/// Degrees, as in the results; pixels.
struct Head {
  double yaw = 0, pitch = 0, roll = 0;
  double x = 160, y = 135, size = 110;
  uint32_t tracked = 3;
};

class ObjectPicture : public test::SceneTest {
 protected:
  using Point = std::array<double, 3>;

  /// Columns: where the head's right, down and back point (vision::head_pose).
  static std::array<Point, 3> axes_of(const Head& head) {
    const auto turn = [](double degrees) { return degrees * std::numbers::pi / 180; };
    const double a = -turn(head.yaw), b = turn(head.pitch), c = turn(head.roll);
    const auto turned = [&](Point p) {
      p = {std::cos(c) * p[0] - std::sin(c) * p[1], std::sin(c) * p[0] + std::cos(c) * p[1], p[2]};
      p = {p[0], std::cos(b) * p[1] + std::sin(b) * p[2], std::cos(b) * p[2] - std::sin(b) * p[1]};
      return Point{std::cos(a) * p[0] + std::sin(a) * p[2], p[1], std::cos(a) * p[2] - std::sin(a) * p[0]};
    };
    return {turned({1, 0, 0}), turned({0, 1, 0}), turned({0, 0, 1})};
  }
  /// Of a point of the canonical head, in pixels, z in those, too.
  static Point project(const Head& head, const std::array<float, 3>& at) {
    const auto axes = axes_of(head);
    Point out{head.x, head.y, 0};
    for (size_t k = 0; k < 3; ++k) {
      for (size_t i = 0; i < 3; ++i) out[k] += head.size * axes[i][k] * double(at[i]);
    }
    return out;
  }
  static gpu::Buffer state_of(const Head& head) {
    std::vector<float> words(vision::kFaceStateBytes / sizeof(float), 0);
    vision::FaceState state;
    state.tracked = head.tracked;
    state.size = state.scale = float(head.size);
    const auto axes = axes_of(head);
    for (size_t i = 0; i < 3; ++i) {
      for (size_t k = 0; k < 3; ++k) state.axes[4 * i + k] = float(axes[i][k]);
    }
    const vision::HeadPose pose = vision::head_pose(state.axes);
    EXPECT_NEAR(pose.yaw, head.yaw, 0.01);
    EXPECT_NEAR(pose.pitch, head.pitch, 0.01);
    EXPECT_NEAR(pose.roll, head.roll, 0.01);
    std::memcpy(words.data(), &state, sizeof state);
    float* out = words.data() + sizeof state / sizeof(float);
    for (const auto& p : vision::canonical_head()) {
      for (const double value : project(head, {p.x, p.y, p.z})) *out++ = float(value);
      *out++ = 0;
    }
    auto buffer = test::upload_vector(device(), words);
    EXPECT_OK(buffer);
    return *std::move(buffer);
  }
  void wear(FaceObject object, const Head& head, uint32_t width = kWidth, uint32_t height = kHeight) {
    const gpu::Buffer state = state_of(head);
    const FaceInput input{&state, FaceShow::kOff, false, object};
    draw(width, height, {}, {}, {}, {}, {}, {&input, 1});
  }
  [[nodiscard]] int light(double x, double y) const {
    const test::Pixel p = at(uint32_t(x), uint32_t(y));
    return p.r + p.g + p.b;
  }
  /// Of what is before the object, at this pixel.
  [[nodiscard]] int plain(double x, double y) const {
    const uint8_t* p = &drawn_over_[(size_t(y) * picture_->width + size_t(x)) * 4];
    return p[0] + p[1] + p[2];
  }
  /// Whether the pixel is the picture's, or it with a shadow: darker in all colours by the same factor.
  [[nodiscard]] bool is_head(double x, double y) const {
    const test::Pixel got = at(uint32_t(x), uint32_t(y));
    const uint8_t* p = &drawn_over_[(size_t(y) * picture_->width + size_t(x)) * 4];
    const double factor = double(light(x, y)) / plain(x, y);
    return factor > 0.5 && factor < 1.01 && std::abs(got.b - factor * p[0]) < 2 &&
           std::abs(got.g - factor * p[1]) < 2 && std::abs(got.r - factor * p[2]) < 2;
  }
  [[nodiscard]] size_t changed_anywhere() const { return changed(0, 0, picture_->width, picture_->height); }
};

const ObjectModels& models() {
  static const ObjectModels made = make_object_models();
  return made;
}

TEST_F(ObjectPicture, IsNotThereWithoutAFaceOrAnObject) {
  for (const auto object : {FaceObject::kGlasses, FaceObject::kHat, FaceObject::kPartyHat}) {
    for (const uint32_t frames : {0U, 2U}) {  // none, and one that is not settled
      wear(object, {.tracked = frames});
      EXPECT_EQ(changed_anywhere(), 0U) << frames;
    }
    wear(object, {});
    EXPECT_GT(changed_anywhere(), 500U);
    wear(object, {.tracked = 0});
    EXPECT_EQ(changed_anywhere(), 0U) << "it is gone with the face";
  }
  wear(FaceObject::kNone, {});
  EXPECT_EQ(changed_anywhere(), 0U);
}

TEST_F(ObjectPicture, IsWhereTheHeadsPoseSays) {
  const Head heads[] = {{},
                        {.yaw = 25},
                        {.yaw = -40},
                        {.pitch = 15},
                        {.pitch = -10},
                        {.roll = 20},
                        {.yaw = 20, .pitch = 10, .roll = -15},
                        {.x = 130, .y = 150, .size = 70}};
  for (const auto object : {FaceObject::kGlasses, FaceObject::kHat, FaceObject::kPartyHat}) {
    const ObjectModel& model = models().of(object);
    for (const Head& head : heads) {
      SCOPED_TRACE(fmt::format("object {}: yaw {}, pitch {}, roll {}, size {}", int(object), head.yaw,
                               head.pitch, head.roll, head.size));
      wear(object, head);
      // Its left, right and upper ends; the lower one may be behind the head, or in the shadow.
      std::array<double, 3> expected{1e9, 1e9, -1e9};
      for (uint32_t i = model.opaque.first; i < model.opaque.first + model.opaque.count; ++i) {
        const Point p = project(head, models().vertices[models().indices[i]].at);
        expected = {std::min(expected[0], p[0]), std::min(expected[1], p[1]), std::max(expected[2], p[0])};
      }
      std::array<double, 3> found{1e9, 1e9, -1e9};
      for (uint32_t y = 0; y < kHeight; ++y) {
        for (uint32_t x = 0; x < kWidth; ++x) {
          if (is_head(x, y)) continue;
          found = {std::min(found[0], double(x)), std::min(found[1], double(y)),
                   std::max(found[2], double(x + 1))};
        }
      }
      if (object != FaceObject::kGlasses) {
        EXPECT_NEAR(found[0], expected[0], 1.5);
        EXPECT_NEAR(found[2], expected[2], 1.5);
        EXPECT_NEAR(found[1], std::max(expected[1], 0.0), 1.5);
        continue;
      }
      // The ends of its temples are behind the ears; its bridge is before everything, and alone in its
      // columns.
      const Point bridge = project(head, {0, -0.112F, -0.10F});
      double dark = 0, middle = 0;
      for (uint32_t y = uint32_t(bridge[1]) - 6; y <= uint32_t(bridge[1]) + 6; ++y) {
        const double part = std::max(0.75 - double(light(bridge[0], y)) / plain(bridge[0], y), 0.0);
        dark += part;
        middle += part * (y + 0.5);
      }
      EXPECT_GT(dark, 0.5);
      EXPECT_NEAR(middle / dark, bridge[1], 1.5);
    }
  }
}

TEST_F(ObjectPicture, IsHiddenWhereTheHeadIsBeforeIt) {
  // A temple's middle on the side that is turned here, the end of the other one. The head is raised, so that
  // the lenses are not before it.
  for (const float side : {-1.0F, 1.0F}) {
    const Head head{.yaw = 35.0 * double(side), .pitch = 15};
    wear(FaceObject::kGlasses, head);
    Point near = project(head, {-side * 0.415F, -0.116F, 0.30F});
    Point far = project(head, {side * 0.413F, 0.005F, 0.59F});
    if (near[2] > far[2]) {
      near = project(head, {side * 0.415F, -0.116F, 0.30F});
      far = project(head, {-side * 0.413F, 0.005F, 0.59F});
    }
    EXPECT_FALSE(is_head(near[0], near[1])) << side;
    EXPECT_TRUE(is_head(far[0], far[1])) << side;
  }
  // The back of the brim is lower than its front: from the front the forehead is before it.
  const Head head{};
  wear(FaceObject::kHat, head);
  const Point back = project(head, {0, -0.30F, 1.1F});
  EXPECT_TRUE(is_head(back[0], back[1]));
  EXPECT_LT(light(back[0], back[1]), plain(back[0], back[1])) << "in the shadow of the hat";
  const Point front = project(head, {0, -0.60F, 0});
  EXPECT_FALSE(is_head(front[0], front[1]));
}

TEST_F(ObjectPicture, GlassLetsThePictureThroughAndFramesDoNot) {
  const Head head{};
  wear(FaceObject::kGlasses, head);
  const Point eye = project(head, {0.19F, -0.03F, -0.06F});
  const test::Pixel glass = at(uint32_t(eye[0]), uint32_t(eye[1]));
  const double through = double(light(eye[0], eye[1])) / plain(eye[0], eye[1]);
  EXPECT_LT(through, 0.8);
  EXPECT_GT(through, 0.2);
  EXPECT_GT(glass.b, glass.r) << "the picture's blue comes through";
}

TEST_F(ObjectPicture, TheSideOfTheLightIsBrighter) {
  const Head head{};
  wear(FaceObject::kHat, head);
  const Point left = project(head, {-0.30F, -0.72F, 0}), right = project(head, {0.30F, -0.72F, 0});
  EXPECT_GT(light(left[0], left[1]), light(right[0], right[1]) + 20);
  // Above is the light, too: the underside of the brim is dark when the head is raised.
  const Head up{.pitch = 25};
  wear(FaceObject::kHat, up);
  const Point under = project(up, {0.52F, -0.36F, 0.25F}), crown = project(up, {-0.25F, -0.72F, -0.05F});
  EXPECT_LT(light(under[0], under[1]), light(crown[0], crown[1]));
}

TEST_F(ObjectPicture, LooksTheSameInAPictureOfTwiceTheSize) {
  const Head head{.yaw = 20, .pitch = 8};
  Head twice = head;
  twice.x *= 2, twice.y *= 2, twice.size *= 2;
  for (const auto object : {FaceObject::kGlasses, FaceObject::kHat, FaceObject::kPartyHat}) {
    wear(object, head);
    const auto small = picture_;
    const auto ground = drawn_over_;
    wear(object, twice, 2 * kWidth, 2 * kHeight);
    // The picture behind differs by rounding alone; edges by where samples fall.
    double difference = 0;
    size_t pixels = 0;
    for (uint32_t y = 0; y < kHeight; ++y) {
      for (uint32_t x = 0; x < kWidth; ++x) {
        const size_t i = (size_t(y) * kWidth + x) * 4;
        if (std::equal(&small->pixels[i], &small->pixels[i] + 3, &ground[i])) continue;
        ++pixels;
        for (size_t k = 0; k < 3; ++k) {
          double mean = 0;
          for (uint32_t j = 0; j < 4; ++j) {
            mean += picture_->pixels[((2 * size_t(y) + j / 2) * 2 * kWidth + 2 * x + j % 2) * 4 + k] / 4.0;
          }
          difference += std::abs(mean - small->pixels[i + k]) / 3;
        }
      }
    }
    EXPECT_GT(pixels, 1000U);
    EXPECT_LT(difference / double(pixels), 2.5) << int(object);
  }
}

TEST_F(ObjectPicture, EdgesAreSmooth) {
  const Head head{.x = 320, .y = 320, .size = 220};
  wear(FaceObject::kPartyHat, head, 2 * kWidth, 2 * kHeight);
  // Down onto the red ball at its tip, columns near its middle: mostly there is a pixel that is partly red.
  const Point ball = project(head, {0.13F, -1.20F, 0.42F});
  const int clear = 48;  // of the picture
  size_t between = 0, columns = 0;
  for (uint32_t x = uint32_t(ball[0]) - 10; x < uint32_t(ball[0]) + 10; ++x) {
    for (uint32_t y = uint32_t(ball[1]) - 30; y < uint32_t(ball[1]); ++y) {
      if (at(x, y).r <= clear + 4) continue;
      ++columns;
      between += at(x, y).r < clear + 0.8 * (at(x, y + 2).r - clear) ? 1 : 0;
      break;
    }
  }
  EXPECT_EQ(columns, 20U);
  EXPECT_GT(between, columns / 2);
}

}  // namespace
}  // namespace tarsier::present
