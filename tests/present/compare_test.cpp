// Two scenes in one picture, and the marks of boxes that only one of them has.
#include <random>

#include "present/box_marks.hpp"
#include "present/compare_view.hpp"
#include "present/scene_fixture.hpp"
#include "present/text_tables.hpp"

namespace tarsier {
namespace {

using vision::Detection;

class CompareTest : public test::SceneTest {
 protected:
  /// Boxes of the marks that one side got, in their order; what edges are of.
  std::vector<std::array<float, 4>> marked(const gpu::Buffer& marks) {
    std::vector<std::byte> bytes(marks.size());
    EXPECT_OK(device().download(marks, 0, bytes.data(), bytes.size()));
    uint32_t instances = 0;
    std::memcpy(&instances, bytes.data() + 4, sizeof instances);
    std::vector<std::array<float, 4>> boxes;
    for (uint32_t i = 0; i + 4 <= instances; i += 4) {
      present::Quad quad{};
      std::memcpy(&quad, bytes.data() + present::kQuadsOffset + i * sizeof quad, sizeof quad);
      const float x = (quad.place[0] - quad.inside[0]), y = (quad.place[1] - quad.inside[1]);
      boxes.push_back({x - quad.shape[0], y - quad.shape[1], x + quad.shape[0], y + quad.shape[1]});
    }
    return boxes;
  }
};

TEST_F(CompareTest, MarksAreThoseOfTheReference) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> place(0, 250), size(5, 60), jitter(-8, 8);
  std::uniform_int_distribution<int> kind(0, 2);
  // Classes of the second side by another order, and one that the first does not know.
  const std::vector<int32_t> classes = {2, 0, 1, -1};
  const std::vector<int32_t> second_class = {1, 2, 0};
  for (const size_t count : {0U, 1U, 40U, 300U}) {
    std::vector<Detection> first, second;
    for (size_t i = 0; i < count; ++i) {
      const float x = place(random), y = place(random);
      const Detection one{x, y, x + size(random), y + size(random), 1 - float(i) * 0.003F, kind(random),
                          0, 0};
      first.push_back(one);
      Detection other = one;
      other.x0 += jitter(random);
      other.y1 += jitter(random);
      other.class_id = i % 7 == 0 ? 3 : second_class[size_t(one.class_id)];
      second.push_back(other);
    }
    auto a = test::upload_vector(device(), test::detection_bytes(first));
    auto b = test::upload_vector(device(), test::detection_bytes(second));
    ASSERT_OK(a);
    ASSERT_OK(b);
    auto marks = present::BoxMarks::create(device(), classes);
    ASSERT_OK(marks);
    const float least = count > 100 ? 0.5F : 0;  // of the first side's score
    ASSERT_OK(device().run_once([&](gpu::CommandList& commands) {
      marks->record(commands, {&*a, least}, {&*b, 0}, kWidth, kHeight);
    }));
    std::erase_if(first, [&](const Detection& box) { return box.score <= least; });
    const auto pairs = vision::match_boxes(first, second, classes);
    std::vector<bool> in_first(first.size()), in_second(second.size());
    for (const auto& pair : pairs) in_first[pair.first] = in_second[pair.second] = true;
    EXPECT_GE(pairs.size(), count / 10);
    const auto expect = [&](const std::vector<Detection>& boxes, const std::vector<bool>& matched,
                            const gpu::Buffer& buffer) {
      const auto got = marked(buffer);
      size_t at = 0;
      for (size_t i = 0; i < boxes.size(); ++i) {
        if (matched[i]) continue;
        ASSERT_LT(at, got.size());
        const auto& mark = got[at++];
        EXPECT_LT(mark[0], boxes[i].x0) << "around it";
        EXPECT_GT(mark[2], boxes[i].x1);
        EXPECT_NEAR(mark[0] + mark[2], boxes[i].x0 + boxes[i].x1, 0.01F);
        EXPECT_NEAR(mark[1] + mark[3], boxes[i].y0 + boxes[i].y1, 0.01F);
      }
      EXPECT_EQ(at, got.size()) << count;
    };
    expect(first, in_first, marks->of_first());
    expect(second, in_second, marks->of_second());
  }
}

TEST_F(CompareTest, AMarkIsDrawn) {
  auto a = test::upload_vector(device(), test::detection_bytes({{100, 80, 180, 160, 0.9F, 0, 0, 0}}));
  auto none = test::upload_vector(device(), test::detection_bytes({}));
  ASSERT_OK(a);
  ASSERT_OK(none);
  const std::vector<int32_t> classes = {0};
  auto marks = present::BoxMarks::create(device(), classes);
  ASSERT_OK(marks);
  ASSERT_OK(device().run_once([&](gpu::CommandList& commands) {
    marks->record(commands, {&*a, 0}, {&*none, 0}, kWidth, kHeight);
  }));
  marks_ = &marks->of_first();
  draw(kWidth, kHeight, {});
  EXPECT_GT(changed(85, 100, 100, 140), 0U) << "left of the box";
  EXPECT_EQ(changed(110, 90, 170, 150), 0U) << "nothing within it";
  marks_ = &marks->of_second();
  draw(kWidth, kHeight, {});
  EXPECT_EQ(changed(0, 0, kWidth, kHeight), 0U);
}

TEST_F(CompareTest, EachSideOfTheEdgeIsOneSidesScene) {
  auto other = present::SceneRenderer::create(device(), {.label_sets = {test::kTestClasses}});
  ASSERT_OK(other);
  std::vector<uint8_t> light(size_t(kWidth) * kHeight * 4, 200);
  auto light_frame = test::upload_vector(device(), light);
  auto dark_frame = test::upload_vector(device(), test::test_frame(kWidth, kHeight));
  ASSERT_OK(light_frame);
  ASSERT_OK(dark_frame);
  drawn_over_ = test::test_frame(kWidth, kHeight);
  present::CompareView view(device());
  const auto draw_view = [&](present::CompareLook look, double edge) {
    auto frame = ring_->begin();
    ASSERT_OK(frame);
    present::SceneInputs inputs;
    inputs.width = kWidth;
    inputs.height = kHeight;
    inputs.frame = &*dark_frame;
    ASSERT_OK(scene_->draw(**frame, inputs));
    inputs.frame = &*light_frame;
    ASSERT_OK((*other)->draw(**frame, inputs));
    ASSERT_OK(view.draw(**frame, *scene_, **other, look, edge));
    auto grabbed = grabber_->grab(**frame, view.image(), gpu::ImageUse::kSampled,
                                  [&](std::shared_ptr<const present::HostPicture> got) { picture_ = got; });
    ASSERT_OK(grabbed);
    ASSERT_OK(ring_->submit(**frame));
    ring_->drain();
  };
  const auto is_light = [&](uint32_t x) { return is_color(x, 100, {200, 200, 200}); };
  draw_view(present::CompareLook::kWipe, 0.25);
  ASSERT_EQ(picture_->width, kWidth);
  EXPECT_TRUE(unchanged(10, 100));
  EXPECT_TRUE(unchanged(70, 100));
  EXPECT_TRUE(is_light(90));
  EXPECT_TRUE(is_light(kWidth - 1));
  const uint64_t generation = view.generation();
  draw_view(present::CompareLook::kWipe, 0.75);
  EXPECT_TRUE(unchanged(200, 100));
  EXPECT_TRUE(is_light(260));
  draw_view(present::CompareLook::kWipe, 0);
  EXPECT_TRUE(is_light(10));
  EXPECT_EQ(view.generation(), generation);
  draw_view(present::CompareLook::kSide, 0);
  ASSERT_EQ(picture_->width, 2 * kWidth);
  EXPECT_NE(view.generation(), generation) << "another picture";
  EXPECT_TRUE(is_light(kWidth));
  EXPECT_TRUE(is_light(2 * kWidth - 1));
  EXPECT_EQ(at(kWidth - 1, 100).r, 48);
  draw_view(present::CompareLook::kDifference, 0);
  const auto got = at(100, 100);
  EXPECT_GT(got.r, 200 - 48) << "200 less 48, over the dim picture";
  EXPECT_LT(got.r, 200 - 48 + 30);
}

}  // namespace
}  // namespace tarsier
