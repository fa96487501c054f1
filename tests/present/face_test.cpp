// A face in a picture: drawn where its points are, as a mesh, contours, points or axes, and not at all where
// there is none.
#include "present/scene_fixture.hpp"
#include "vision/face_model.hpp"

namespace tarsier::present {
namespace {

class FacePicture : public test::SceneTest {
 protected:
  static constexpr float kX = 150, kY = 120, kHeight_px = 160;

  /// The canonical head, looking into the camera.
  static gpu::Buffer face(uint32_t tracked) {
    std::vector<float> words(vision::kFaceStateBytes / sizeof(float), 0);
    vision::FaceState state;
    state.tracked = tracked;
    state.size = state.scale = kHeight_px;
    state.axes = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    std::memcpy(words.data(), &state, sizeof state);
    float* out = words.data() + sizeof state / sizeof(float);
    for (const auto& p : vision::canonical_head()) {
      *out++ = kX + p.x * kHeight_px;
      *out++ = kY + p.y * kHeight_px;
      *out++ = p.z * kHeight_px;
      *out++ = 0;
    }
    auto buffer = test::upload_vector(device(), words);
    EXPECT_OK(buffer);
    return *std::move(buffer);
  }
  void draw_face(const gpu::Buffer& state, FaceShow show, bool axes = false) {
    const FaceInput input{&state, show, axes};
    draw(kWidth, kHeight, {}, {}, {}, {}, {}, {&input, 1});
  }
  /// Pixels of the picture that point i is in.
  static std::pair<uint32_t, uint32_t> pixel(size_t i) {
    const auto& p = vision::canonical_head()[i];
    return {uint32_t(kX + p.x * kHeight_px), uint32_t(kY + p.y * kHeight_px)};
  }
  [[nodiscard]] size_t changed_anywhere() const { return changed(0, 0, kWidth, kHeight); }
};

TEST_F(FacePicture, IsEmptyWithoutAFace) {
  for (const uint32_t frames : {0U, 2U}) {  // none, and one that is not settled
    const gpu::Buffer nobody = face(frames);
    draw_face(nobody, FaceShow::kMesh, true);
    EXPECT_EQ(changed_anywhere(), 0U) << frames;
  }
}

TEST_F(FacePicture, ShowsMeshContoursPointsOrAxes) {
  const gpu::Buffer somebody = face(3);
  draw_face(somebody, FaceShow::kMesh);
  const size_t mesh = changed_anywhere();
  for (const size_t i : {1U, 10U, 152U, 33U, 263U, 4U}) {
    const auto [x, y] = pixel(i);
    EXPECT_FALSE(unchanged(x, y)) << i;
  }
  // Nothing outside of the face: half of it is as wide as three sixths of its height, about.
  EXPECT_EQ(changed(0, 0, uint32_t(kX - kHeight_px / 2), kHeight), 0U);
  EXPECT_EQ(changed(uint32_t(kX + kHeight_px / 2), 0, kWidth, kHeight), 0U);
  draw_face(somebody, FaceShow::kContours);
  const size_t contours = changed_anywhere();
  EXPECT_FALSE(unchanged(pixel(10).first, pixel(10).second));
  EXPECT_TRUE(unchanged(pixel(4).first, pixel(4).second)) << "the nose is on no contour";
  draw_face(somebody, FaceShow::kPoints);
  EXPECT_FALSE(unchanged(pixel(4).first, pixel(4).second));
  EXPECT_LT(changed_anywhere(), mesh);
  EXPECT_LT(contours, mesh / 2);
  EXPECT_GT(contours, 300U);

  draw_face(somebody, FaceShow::kOff, true);
  // Right is red, down is green; towards the camera there is nothing to see of blue.
  const auto [x, y] = pixel(vision::kNoseTip);
  const auto right = at(x + 40, y), down = at(x, y + 40);
  EXPECT_GT(right.r, 200);
  EXPECT_LT(right.g, 120);
  EXPECT_GT(down.g, 180);
  EXPECT_LT(down.r, 140);
  EXPECT_TRUE(unchanged(x - 40, y));
}

}  // namespace
}  // namespace tarsier::present
