// The detection decoder on the device against the CPU reference, for every head and layout, at odd sizes.
#include "vision/detection.hpp"

#include <algorithm>

#include "device_tensor.hpp"

namespace tarsier::vision {
namespace {

using test::DeviceTensor;
using test::Storage;

constexpr Storage kNchw{TensorLayout::kLinear, false, false};
constexpr Storage kNhwc{TensorLayout::kLinear, false, true};
constexpr Storage kC4{TensorLayout::kC4, false, false};
constexpr Storage kC4Half{TensorLayout::kC4, true, false};

struct Found {
  DetectionHeader header;
  std::vector<Detection> detections;
};

class DetectionTest : public test::GpuTest {
 protected:
  static Found run(const DetectionDecoder& decoder, uint32_t slot, const DetectionParams& params,
                   const FrameGeometry& frame) {
    EXPECT_OK(device().run_once(
        [&](gpu::CommandList& commands) { decoder.record(commands, slot, params, frame); }));
    Found found;
    found.detections.resize(kMaxDetections);
    EXPECT_OK(device().download(decoder.detections(slot), 0, &found.header, sizeof(DetectionHeader)));
    EXPECT_OK(device().download(decoder.detections(slot), sizeof(DetectionHeader), found.detections.data(),
                                kMaxDetections * sizeof(Detection)));
    EXPECT_LE(found.header.count, kMaxDetections);
    found.detections.resize(std::min(found.header.count, kMaxDetections));
    return found;
  }

  /// `tolerance`: of box edges, relative to the box's size and position, and of scores.
  static void expect_equal(const std::vector<Detection>& expected, const Found& found,
                           float tolerance = 1e-4F) {
    ASSERT_EQ(found.header.count, expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      const Detection& a = expected[i];
      const Detection& b = found.detections[i];
      SCOPED_TRACE(fmt::format("detection {}", i));
      EXPECT_EQ(a.class_id, b.class_id);
      EXPECT_EQ(a.source_index, b.source_index);
      EXPECT_NEAR(a.score, b.score, tolerance);
      const float reach = 1 + std::abs(a.x1) + std::abs(a.y1);
      EXPECT_NEAR(a.x0, b.x0, tolerance * reach);
      EXPECT_NEAR(a.y0, b.y0, tolerance * reach);
      EXPECT_NEAR(a.x1, b.x1, tolerance * reach);
      EXPECT_NEAR(a.y1, b.y1, tolerance * reach);
    }
  }

  static std::vector<TensorRef> refs(const std::vector<DeviceTensor>& tensors) {
    std::vector<TensorRef> list;
    for (const auto& tensor : tensors) list.push_back(tensor.ref);
    return list;
  }
  static std::vector<HostTensor> hosts(const std::vector<DeviceTensor>& tensors) {
    std::vector<HostTensor> list;
    for (const auto& tensor : tensors) list.push_back(tensor.host());
    return list;
  }

  static std::vector<int64_t> image_shape(const Storage& s, int64_t c, int64_t h, int64_t w) {
    return s.channels_last ? std::vector<int64_t>{1, h, w, c} : std::vector<int64_t>{1, c, h, w};
  }

  /// Random scores to the power of eight: a few are high, as in a real head.
  static std::vector<float> peaky(size_t count, uint32_t seed) {
    auto values = test::random_values(count, 0, 1, seed);
    for (float& v : values) v = std::pow(v, 8.0F);
    return values;
  }

  static Result<std::vector<DeviceTensor>> yolox(int classes, int width, int height, const Storage& storage,
                                                 uint32_t seed) {
    int cells = 0;
    for (const int s : {8, 16, 32}) cells += (width / s) * (height / s);
    const int attributes = 5 + classes;
    auto values = test::random_values(size_t(cells * attributes), -1.5F, 2.5F, seed);
    const auto scores = peaky(values.size(), seed + 1);
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t a = i % size_t(attributes);
      if (a >= 4) values[i] = a == 4 ? std::sqrt(scores[i]) : std::pow(scores[i], 0.25F);
    }
    return one({1, cells, attributes}, std::move(values), storage);
  }

  static Result<std::vector<DeviceTensor>> yolov8(int classes, int cells, float size, const Storage& storage,
                                                  uint32_t seed) {
    auto values = peaky(size_t((4 + classes) * cells), seed);
    const auto boxes = test::random_values(size_t(4 * cells), 0, 1, seed + 1);
    for (size_t i = 0; i < boxes.size(); ++i) {
      values[i] = i < size_t(2 * cells) ? boxes[i] * size : 4 + boxes[i] * size / 4;
    }
    return one({1, 4 + classes, cells}, std::move(values), storage);
  }

  static Result<std::vector<DeviceTensor>> fastestdet(int classes, int width, int height,
                                                      const Storage& storage, uint32_t seed) {
    const int channels = 5 + classes;
    auto values = test::random_values(size_t(channels * width * height), -2, 2, seed);
    const auto scores = test::random_values(values.size(), 0, 1, seed + 1);
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t c = storage.channels_last ? i % size_t(channels) : i / size_t(width * height);
      if (c == 0 || c > 4) values[i] = scores[i];
    }
    return one(image_shape(storage, channels, height, width), std::move(values), storage);
  }

  static Result<std::vector<DeviceTensor>> centernet(int classes, int width, int height, const Storage& heat,
                                                     const Storage& distances, uint32_t seed) {
    const auto cells = size_t(width * height);
    std::vector<DeviceTensor> tensors;
    TARSIER_TRY(auto a, test::put(device(), image_shape(heat, classes, height, width),
                                  peaky(size_t(classes) * cells, seed), heat));
    TARSIER_TRY(auto b, test::put(device(), image_shape(distances, 4, height, width),
                                  test::random_values(4 * cells, 1, 30, seed + 1), distances));
    tensors.push_back(std::move(a));
    tensors.push_back(std::move(b));
    return tensors;
  }

  static Result<std::vector<DeviceTensor>> one(std::vector<int64_t> shape, std::vector<float> values,
                                               const Storage& storage) {
    TARSIER_TRY(auto tensor, test::put(device(), std::move(shape), std::move(values), storage));
    std::vector<DeviceTensor> tensors;
    tensors.push_back(std::move(tensor));
    return tensors;
  }

  /// Runs head and reference over some parameters; `most` and `least` guard against a test of nothing.
  static void check(const HeadDesc& head, const Result<std::vector<DeviceTensor>>& tensors,
                    const FrameGeometry& frame, const std::vector<DetectionParams>& list) {
    ASSERT_OK(tensors);
    auto decoder = DetectionDecoder::create(device(), head, refs(*tensors), 2);
    ASSERT_OK(decoder);
    for (size_t i = 0; i < list.size(); ++i) {
      SCOPED_TRACE(fmt::format("parameters {}", i));
      const auto expected = decode_reference(head, hosts(*tensors), frame, list[i]);
      ASSERT_OK(expected);
      EXPECT_FALSE(expected->empty());
      expect_equal(*expected, run(*decoder, uint32_t(i % 2), list[i], frame));
    }
    for (const auto& tensor : *tensors) test::get(device(), tensor);  // sources and sentinels untouched
  }

  static std::vector<DetectionParams> variations(float threshold) {
    std::vector<DetectionParams> list(7);
    for (auto& p : list) p.score_threshold = threshold;
    list[1].score_threshold = threshold * 1.3F;
    list[2].per_class = true;
    list[3].class_mask = {0x5, 0, 0, 0};
    list[4].class_agnostic = true;
    list[4].iou_threshold = 0.2F;
    list[5].max_detections = 3;
    list[6].max_candidates = 11;
    return list;
  }
};

FrameGeometry letterboxed(int width, int height, float scale, float x = 0, float y = 0) {
  return {{scale, scale, x, y}, width, height};
}

TEST_F(DetectionTest, YoloxEqualsTheReference) {
  HeadDesc head{HeadKind::kYolox, 7, 104, 72};
  for (const bool half : {false, true}) {
    check(head, yolox(7, 104, 72, {TensorLayout::kLinear, half, false}, 11), letterboxed(200, 139, 0.52F),
          variations(0.35F));
  }
  head = {HeadKind::kYolox, 80, 416, 416};
  check(head, yolox(80, 416, 416, kNchw, 12), letterboxed(1280, 720, 0.325F), variations(0.6F));
}

TEST_F(DetectionTest, KeepsAsManyAsTheBufferHolds) {
  const HeadDesc head{HeadKind::kYolox, 80, 416, 416};
  const auto tensors = yolox(80, 416, 416, kNchw, 13);
  const DetectionParams all{.score_threshold = 0, .iou_threshold = 1, .max_detections = kMaxDetections + 1};
  const FrameGeometry frame = letterboxed(1280, 720, 0.325F);
  const auto expected = decode_reference(head, hosts(*tensors), frame, all);
  ASSERT_OK(expected);
  EXPECT_EQ(expected->size(), kMaxDetections);
  check(head, tensors, frame, {all});
}

TEST_F(DetectionTest, FastestDetEqualsTheReferenceInEveryLayout) {
  const HeadDesc head{HeadKind::kFastestDet, 11, 208, 112};
  const FrameGeometry frame{{208.0F / 333, 112.0F / 222, 0, 0}, 333, 222};
  for (const Storage& storage : {kNchw, kNhwc, kC4, kC4Half, Storage{TensorLayout::kLinear, true, false}}) {
    SCOPED_TRACE(name_of(storage));
    check(head, fastestdet(11, 13, 7, storage, 21), frame, variations(0.7F));
  }
}

TEST_F(DetectionTest, CenterNetEqualsTheReferenceInEveryLayout) {
  const HeadDesc head{HeadKind::kCenterNet, 10, 52, 28};
  const FrameGeometry frame{{52.0F / 99, 28.0F / 77, 0, 0}, 99, 77};
  for (const Storage& storage : {kNchw, kNhwc, kC4, kC4Half, Storage{TensorLayout::kLinear, true, true}}) {
    SCOPED_TRACE(name_of(storage));
    check(head, centernet(10, 13, 7, storage, storage, 31), frame, variations(0.3F));
  }
  check(head, centernet(10, 13, 7, kC4Half, kNhwc, 32), frame, variations(0.3F));
}

TEST_F(DetectionTest, CenterNetEqualsTheReferenceAtItsRealSize) {
  const HeadDesc head{HeadKind::kCenterNet, 80, 512, 512};
  const FrameGeometry frame{{512.0F / 768, 512.0F / 576, 0, 0}, 768, 576};
  check(head, centernet(80, 128, 128, kNhwc, kNhwc, 33), frame, {DetectionParams{.score_threshold = 0.99F}});
  // Far more peaks than candidates: the best 4096, or 100 as the network itself keeps, are chosen.
  check(head, centernet(80, 128, 128, kC4, kC4, 33), frame,
        {DetectionParams{.score_threshold = 0.5F},
         DetectionParams{.score_threshold = 0.0F, .max_candidates = 100}});
}

TEST_F(DetectionTest, Yolov8EqualsTheReference) {
  const FrameGeometry frame = letterboxed(100, 83, 1.2F, 3, 5);
  for (const bool half : {false, true}) {
    check({HeadKind::kYolov8, 9, 128, 128}, yolov8(9, 331, 128, {TensorLayout::kLinear, half, false}, 41),
          frame, variations(0.4F));
  }
  check({HeadKind::kYolov8, 80, 640, 640}, yolov8(80, 8400, 640, kNchw, 42),
        letterboxed(1920, 1080, 1 / 3.0F, 0, 140),
        {DetectionParams{.score_threshold = 0.9F},
         DetectionParams{.score_threshold = 0.3F, .per_class = true}});
}

// More candidates than are kept, all of one score: which are kept follows from their cells alone.
TEST_F(DetectionTest, EqualScoresAreChosenByCell) {
  const int cells = 6007;
  auto tensors = yolov8(3, cells, 2000, kNchw, 51);
  ASSERT_OK(tensors);
  auto values = (*tensors)[0].values;
  for (size_t i = size_t(4 * cells); i < values.size(); ++i) values[i] = 0.5F;
  for (size_t i = size_t(2 * cells); i < size_t(4 * cells); ++i) values[i] = 3;  // small: few overlap
  const HeadDesc head{HeadKind::kYolov8, 3, 2000, 2000};
  const FrameGeometry frame = letterboxed(2000, 2000, 1);
  std::vector<DetectionParams> list(4, DetectionParams{.score_threshold = 0.25F});
  list[1].max_candidates = 33;
  list[2].per_class = true;
  list[3].per_class = true;
  list[3].max_candidates = 1000;
  check(head, one({1, 7, cells}, values, kNchw), frame, list);
}

TEST_F(DetectionTest, ResultsDoNotDependOnScheduling) {
  auto tensors = yolov8(80, 8400, 640, kNchw, 61);
  ASSERT_OK(tensors);
  auto decoder = DetectionDecoder::create(device(), {HeadKind::kYolov8, 80, 640, 640}, refs(*tensors), 1);
  ASSERT_OK(decoder);
  const FrameGeometry frame = letterboxed(640, 640, 1);
  for (const float threshold : {0.2F, 0.95F}) {
    const DetectionParams params{.score_threshold = threshold, .per_class = true};
    const Found first = run(*decoder, 0, params, frame);
    EXPECT_GT(first.header.count, 10U);
    for (int i = 0; i < 5; ++i) {
      const Found again = run(*decoder, 0, params, frame);
      ASSERT_EQ(again.header.candidates, first.header.candidates);
      ASSERT_EQ(again.header.count, first.header.count);
      ASSERT_EQ(std::memcmp(again.detections.data(), first.detections.data(),
                            first.detections.size() * sizeof(Detection)),
                0);
    }
  }
}

TEST_F(DetectionTest, SlotsAreIndependentAndFramesFollowEachOtherInOneSubmission) {
  auto tensors = fastestdet(5, 13, 7, kNchw, 71);
  ASSERT_OK(tensors);
  const HeadDesc head{HeadKind::kFastestDet, 5, 208, 112};
  auto decoder = DetectionDecoder::create(device(), head, refs(*tensors), 3);
  ASSERT_OK(decoder);
  const FrameGeometry frame = letterboxed(208, 112, 1);
  const std::vector<DetectionParams> list{
      {.score_threshold = 0.5F}, {.score_threshold = 0.99F}, {.score_threshold = 0.8F}};
  ASSERT_OK(device().run_once([&](gpu::CommandList& commands) {
    for (uint32_t slot = 0; slot < 3; ++slot) decoder->record(commands, slot, list[slot], frame);
  }));
  for (uint32_t slot = 0; slot < 3; ++slot) {
    const auto expected = decode_reference(head, hosts(*tensors), frame, list[slot]);
    ASSERT_OK(expected);
    DetectionHeader header;
    ASSERT_OK(device().download(decoder->detections(slot), 0, &header, sizeof(header)));
    EXPECT_EQ(header.count, expected->size());
  }
}

TEST_F(DetectionTest, HeaderCounts) {
  auto tensors = fastestdet(5, 5, 3, kNchw, 81);
  ASSERT_OK(tensors);
  const HeadDesc head{HeadKind::kFastestDet, 5, 80, 48};
  auto decoder = DetectionDecoder::create(device(), head, refs(*tensors), 1);
  ASSERT_OK(decoder);
  const Found found = run(*decoder, 0, {.score_threshold = 0.3F}, letterboxed(80, 48, 1));
  const DetectionHeader& h = found.header;
  ASSERT_GT(h.count, 0U);
  EXPECT_GE(h.candidates, h.count);
  const Found none = run(*decoder, 0, {.score_threshold = 1.0F}, letterboxed(80, 48, 1));
  EXPECT_EQ(none.header.count, 0U);
  EXPECT_EQ(none.header.candidates, 0U);
}

// Boxes made by hand: cx, cy, w, h and scores of two classes, attribute by attribute.
TEST_F(DetectionTest, SuppressionByHand) {
  const std::vector<std::array<float, 6>> boxes = {
      {50, 50, 20, 20, 0.9F, 0},    // kept
      {55, 50, 20, 20, 0.8F, 0},    // IoU 0.6 with the first: suppressed
      {60, 50, 20, 20, 0.7F, 0},    // 0.33 with the first; 0.6 with the second, which is gone: kept
      {50, 50, 20, 20, 0, 0.85F},   // another class: kept unless agnostic
      {-40, 50, 20, 20, 0.99F, 0},  // left of the frame: dropped
      {98, 98, 20, 20, 0.6F, 0},    // across the corner: kept, clipped
      {NAN, 50, 20, 20, 0.95F, 0},  // no box
      {20, 20, 10, 10, NAN, 0},     // no score
      {20, 80, 10, 10, 0.25F, 0},   // at the threshold: out
  };
  std::vector<float> values;
  for (size_t a = 0; a < 6; ++a) {
    for (const auto& box : boxes) values.push_back(box[a]);
  }
  auto tensors = one({1, 6, int64_t(boxes.size())}, values, kNchw);
  ASSERT_OK(tensors);
  const HeadDesc head{HeadKind::kYolov8, 2, 100, 100};
  auto decoder = DetectionDecoder::create(device(), head, refs(*tensors), 1);
  ASSERT_OK(decoder);
  const FrameGeometry frame = letterboxed(100, 100, 1);
  DetectionParams params{.score_threshold = 0.25F, .iou_threshold = 0.5F};
  const auto cells_of = [](const std::vector<Detection>& detections) {
    std::vector<int> cells;
    for (const Detection& d : detections) cells.push_back(d.source_index);
    return cells;
  };
  const Found found = run(*decoder, 0, params, frame);
  EXPECT_EQ(cells_of(found.detections), (std::vector<int>{0, 3, 2, 5}));
  EXPECT_EQ(found.detections[3].x1, 100.0F);
  EXPECT_EQ(found.detections[3].y1, 100.0F);
  EXPECT_EQ(found.detections[3].x0, 88.0F);
  EXPECT_EQ(found.detections[1].class_id, 1);
  const auto reference = decode_reference(head, hosts(*tensors), frame, params);
  ASSERT_OK(reference);
  EXPECT_EQ(cells_of(*reference), (std::vector<int>{0, 3, 2, 5}));
  params.class_agnostic = true;
  EXPECT_EQ(cells_of(run(*decoder, 0, params, frame).detections), (std::vector<int>{0, 2, 5}));
}

TEST_F(DetectionTest, RefusesTensorsThatAreNotTheHeads) {
  auto tensors = one({1, 84, 20}, std::vector<float>(84 * 20, 0), kNchw);
  ASSERT_OK(tensors);
  const auto expect_error = [&](const HeadDesc& head, std::string_view what) {
    const auto decoder = DetectionDecoder::create(device(), head, refs(*tensors), 1);
    ASSERT_FALSE(decoder.ok());
    EXPECT_NE(decoder.error().message.find(what), std::string::npos) << decoder.error().message;
    EXPECT_NE(decoder.error().message.find("[1,84,20]"), std::string::npos) << decoder.error().message;
  };
  expect_error({HeadKind::kYolov8, 90, 640, 640}, "[1,94,N]");
  expect_error({HeadKind::kYolox, 80, 416, 416}, "[1,N,85]");
  expect_error({HeadKind::kCenterNet, 80, 512, 512}, "heat map");
  expect_error({HeadKind::kFastestDet, 80, 352, 352}, "[1,85,H,W]");
  expect_error({HeadKind::kYolox, 15, 96, 96}, "N is 189");
}

}  // namespace
}  // namespace tarsier::vision
