// The networks against recorded reference outputs (tests/golden/README.md): tensors, final boxes.
// Needs the clips and networks of the shared folder ($TARSIER_SHARED, or ../shared beside the source tree)
// and those that come out of npm packages in the model cache (`tarsier models fetch NAME...`) or in the
// folder $TARSIER_CENTERNET; a case whose data is missing is skipped with the reason.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/file.hpp"
#include "import/import.hpp"
#include "infer/runner.hpp"
#include "models/device_chain.hpp"
#include "models/golden_frames.hpp"
#include "support/gpu_fixture.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"
#include "vision/detection.hpp"

namespace tarsier::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kTolerance = 1e-3;      // of an output's range, in fp32
constexpr double kHalfTolerance = 1e-2;  // in fp16, where the layers that need it keep fp32

/// "" where the clip is at hand and is the recorded one.
std::string why_not(const std::string& clip, const std::string& sha256) {
  const auto path = shared_clip(clip);
  if (auto why = missing_file(path); !why.empty()) return why;
  const auto found = sha256_of_file(path);
  if (!found.ok()) return found.error().message;
  return *found == sha256 ? "" : path.string() + " is another file than the recorded one";
}

size_t sample_position(uint64_t i, size_t count) {
  uint64_t z = (i + 1) * 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return size_t((z ^ (z >> 31)) % count);
}

/// Largest error of an output over what was recorded of it.
double compare_output(const json& reference, const std::vector<float>& values) {
  double worst = 0;
  const auto note = [&](double expected, double got) {
    const double error = std::abs(expected - got);
    worst = std::isfinite(got) ? std::max(worst, error) : INFINITY;
  };
  const auto& samples = reference["samples"];
  for (size_t i = 0; i < samples.size(); ++i)
    note(samples[i], double(values[sample_position(i, values.size())]));
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  note(reference["min"], double(*low));
  note(reference["max"], double(*high));
  const auto& means = reference["block_means"];
  for (size_t block = 0; block < means.size(); ++block) {
    const size_t begin = values.size() * block / means.size(),
                 end = values.size() * (block + 1) / means.size();
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += double(values[i]);
    note(means[block], sum / double(end - begin));
  }
  return worst;
}

/// Rows x0, y0, x1, y1, score, class sorted by score: order is arbitrary among almost equal scores, and so is
/// who makes the last places. Every clear row must have its partner: `tolerance` of the scores' range, and of
/// the picture's size in pixels.
void compare_detections(const json& reference, const std::vector<float>& values, double tolerance,
                        const std::string& where) {
  constexpr double kPictureSize = 500;  // a little under the network's 512: half a pixel at 1e-3
  const auto expected = reference["values"].get<std::vector<float>>();
  ASSERT_EQ(values.size(), expected.size());
  float last = 1;
  for (size_t row = 0; row < expected.size(); row += 6) last = std::min(last, expected[row + 4]);
  size_t compared = 0;
  for (size_t row = 0; row < expected.size(); row += 6) {
    if (expected[row + 4] < last + tolerance) continue;
    ++compared;
    bool found = false;
    for (size_t other = 0; other < values.size() && !found; other += 6) {
      found = values[other + 5] == expected[row + 5] &&
              std::abs(values[other + 4] - expected[row + 4]) < tolerance;
      for (size_t i = 0; i < 4 && found; ++i)
        found = std::abs(values[other + i] - expected[row + i]) < tolerance * kPictureSize;
    }
    EXPECT_TRUE(found) << where << ": row " << row / 6 << " (class " << expected[row + 5] << ", score "
                       << expected[row + 4] << ") has no partner";
  }
  EXPECT_GT(compared, 10U);
}

/// What the network's input takes, with the free extents of a picture's filled in.
graph::Shape input_shape(const graph::Value& input, const models::InputSpec& spec) {
  graph::Shape shape = input.desc.shape;
  const graph::Shape known =
      spec.nhwc ? graph::Shape{1, spec.height, spec.width, 3} : graph::Shape{1, 3, spec.height, spec.width};
  for (size_t i = 0; i < shape.size() && shape.size() == 4; ++i)
    shape[i] = shape[i] < 0 ? known[i] : shape[i];
  return shape;
}

graph::Tensor input_tensor(const graph::TensorDesc& desc, const std::vector<float>& values) {
  if (desc.dtype == graph::DType::kI32)
    return graph::Tensor::of<int32_t>(desc.dtype, desc.shape,
                                      std::vector<int32_t>(values.begin(), values.end()));
  if (desc.dtype == graph::DType::kU8)
    return graph::Tensor::of<uint8_t>(desc.dtype, desc.shape,
                                      std::vector<uint8_t>(values.begin(), values.end()));
  return graph::Tensor::f32(desc.shape, values);
}

class GoldenOutputs : public GpuTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void compare(infer::Precision precision, double tolerance);

 private:
  TempFolder folder_;
};

void GoldenOutputs::compare(infer::Precision precision, double tolerance) {
  const std::string network = GetParam();
  const auto located = locate(network);
  if (!located.ok()) GTEST_SKIP() << located.error().message;
  const std::string sha256 = *sha256_of_file(located->file);
  const json recorded = golden(network + ".json");
  ASSERT_FALSE(recorded.empty());
  EXPECT_EQ(sha256, recorded["model_sha256"].get<std::string>());
  for (const auto& test : recorded["cases"]) {
    if (const auto reason = why_not(test["clip"], test["clip_sha256"]); !reason.empty())
      GTEST_SKIP() << reason;
  }
  auto graph = import::load_model(located->file);
  ASSERT_OK(graph);
  ASSERT_EQ(graph->inputs.size(), 1U);
  graph::TensorDesc input_desc = graph->value(graph->inputs[0]).desc;
  input_desc.shape = input_shape(graph->value(graph->inputs[0]), located->entry.input);
  std::vector<std::string> names;
  for (const auto id : graph->outputs) names.push_back(graph->value(id).name);
  // A runner, as suppressed boxes are as many as there are.
  infer::CompileOptions options;
  options.precision = precision;
  std::tie(options.probe_low, options.probe_high) = pipeline::input_range(located->entry.input);
  options.tuning_file = folder_.path() / "tuning.json";
  infer::Runner runner(device(), std::move(*graph), options);

  // Rows in the order of scores, many of them nearly equal: halves change the order. The boxes and scores
  // that are sorted are outputs, too, and compared.
  const std::set<std::pair<std::string, std::string>> behind_sort = {{"handtrack", "Identity"},
                                                                     {"handtrack", "Identity_1"},
                                                                     {"handtrack", "Identity_2"},
                                                                     {"handtrack", "Identity_3"}};
  for (const auto& test : recorded["cases"]) {
    const std::string clip = test["clip"];
    const int index = test["frame"];
    const std::string where = network + " on " + clip + " frame " + std::to_string(index);
    auto frames = decode_frames(shared_clip(clip), {index});
    ASSERT_OK(frames);
    GoldenFrame frame = std::move(frames->at(index));
    if (!test["crop"].is_null()) frame = frame.crop(test["crop"][0], test["crop"][1], test["crop"][2]);
    const GoldenInput input = prepare(frame, located->entry.input);
    ASSERT_EQ(input.sha256, test["input_sha256"].get<std::string>())
        << where << ": the input is not the recorded one";
    ASSERT_EQ(size_t(graph::element_count(input_desc.shape)), input.values.size())
        << graph::to_string(input_desc.shape);
    const auto outputs = runner.run({input_tensor(input_desc, input.values)});
    ASSERT_OK(outputs);
    ASSERT_EQ(outputs->size(), test["outputs"].size());
    for (const auto& reference : test["outputs"]) {
      const std::string name = reference["name"];
      if (precision != infer::Precision::kFp32 && behind_sort.contains({network, name})) continue;
      const auto at = std::find(names.begin(), names.end(), name);
      ASSERT_NE(at, names.end()) << "no output " << name;
      const auto& tensor = (*outputs)[size_t(at - names.begin())];
      EXPECT_EQ(tensor.shape(), reference["shape"].get<graph::Shape>());
      const auto values = tensor.to_floats();
      if (reference.contains("values")) {
        compare_detections(reference, values, tolerance, where);
        continue;
      }
      // A single value has no range of its own: its magnitude stands for it.
      const double low = reference["min"], high = reference["max"];
      const double range = values.size() == 1 ? std::abs(high) : high - low;
      const double error = compare_output(reference, values) / range;
      std::cout << where << ", " << name << ": largest error " << error << " of the range\n";
      EXPECT_LE(error, tolerance) << where << ", " << name;
    }
  }
}

TEST_P(GoldenOutputs, AreTheReferences) {
  compare(infer::Precision::kFp32, kTolerance);
}

class GoldenHalfOutputs : public GoldenOutputs {};

TEST_P(GoldenHalfOutputs, AreNearTheReferences) {
  compare(infer::Precision::kAuto, kHalfTolerance);
}

constexpr auto kNetworks = {"yolox_nano",
                            "fastestdet",
                            "twinlitenet",
                            "roadnet",
                            "face_landmark",
                            "lyt_net",
                            "selfie_segmentation",
                            "centernet",
                            "selfie_segmentation_square",
                            "face_detection_short",
                            "face_detection_full",
                            "hand_landmark_lite",
                            "pose_landmark_lite",
                            "blazeface",
                            "facemesh",
                            "iris",
                            "handtrack",
                            "movenet_lightning"};
const auto kNameOf = [](const auto& param) { return std::string(param.param); };
INSTANTIATE_TEST_SUITE_P(Networks, GoldenOutputs, ::testing::ValuesIn(kNetworks), kNameOf);
INSTANTIATE_TEST_SUITE_P(Networks, GoldenHalfOutputs, ::testing::ValuesIn(kNetworks), kNameOf);

double overlap(const vision::Detection& a, const json& b) {
  const double x0 = b[2], y0 = b[3], x1 = b[4], y1 = b[5];
  const double w = std::min(double(a.x1), x1) - std::max(double(a.x0), x0);
  const double h = std::min(double(a.y1), y1) - std::max(double(a.y0), y0);
  if (w <= 0 || h <= 0) return 0;
  return w * h / (double(a.x1 - a.x0) * double(a.y1 - a.y0) + (x1 - x0) * (y1 - y0) - w * h);
}

class GoldenBoxes : public GpuTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(GoldenBoxes, AreTheReferences) {
  const std::string network = GetParam();
  const json recorded = golden("boxes.json");
  ASSERT_FALSE(recorded.empty());
  const auto located = locate(network);
  if (!located.ok()) GTEST_SKIP() << located.error().message;
  for (const auto& clip : recorded["clips"]) {
    if (const auto reason = why_not(clip["clip"], clip["clip_sha256"]); !reason.empty())
      GTEST_SKIP() << reason;
  }
  auto chain = DeviceChain::create(device(), *located, uint64_t(1280) * 720);
  ASSERT_OK(chain);
  const auto& input = located->entry.input;
  const auto kind = network == "yolox_nano"   ? vision::HeadKind::kYolox
                    : network == "fastestdet" ? vision::HeadKind::kFastestDet
                                              : vision::HeadKind::kCenterNet;
  auto decoder = vision::DetectionDecoder::create(
      device(), {.kind = kind, .input_width = input.width, .input_height = input.height}, (*chain)->outputs,
      1);
  ASSERT_OK(decoder);
  vision::DetectionParams params;
  params.score_threshold = recorded["score_threshold"];
  params.iou_threshold = recorded["iou_threshold"];

  size_t boxes = 0;
  double worst_overlap = 1, worst_score = 0;
  for (const auto& clip : recorded["clips"]) {
    const std::string name = clip["clip"];
    std::set<int> wanted;
    for (const auto& frame : clip["frames"]) wanted.insert(frame["frame"].get<int>());
    const auto frames = decode_frames(shared_clip(name), wanted);
    ASSERT_OK(frames);
    for (const auto& entry : clip["frames"]) {
      const int index = entry["frame"];
      const GoldenFrame& frame = frames->at(index);
      const std::string where = network + " on " + name + " frame " + std::to_string(index);
      const auto run = device().run_once([&](gpu::CommandList& commands) {
        (*chain)->record(commands, frame);
        decoder->record(commands, 0, params,
                        {(*chain)->preprocess.fit(frame.width, frame.height), frame.width, frame.height});
      });
      ASSERT_OK(run);
      std::vector<std::byte> bytes(vision::kDetectionBufferBytes);
      ASSERT_OK(device().download(decoder->detections(0), 0, bytes.data(), bytes.size()));
      vision::DetectionHeader header;
      std::memcpy(&header, bytes.data(), sizeof header);
      ASSERT_LE(header.count, vision::kMaxDetections);
      std::vector<vision::Detection> found(header.count);
      std::memcpy(found.data(), bytes.data() + sizeof header, found.size() * sizeof(vision::Detection));

      const auto& expected = entry["boxes"][network];
      EXPECT_EQ(found.size(), expected.size()) << where;
      std::vector<bool> taken(found.size());
      for (const auto& box : expected) {
        size_t best = found.size();
        double best_overlap = 0;
        for (size_t i = 0; i < found.size(); ++i) {
          if (taken[i] || found[i].class_id != box[0].get<int>()) continue;
          if (const double o = overlap(found[i], box); o > best_overlap) {
            best_overlap = o;
            best = i;
          }
        }
        EXPECT_GE(best_overlap, 0.99) << where << ": " << box;
        if (best == found.size()) continue;
        taken[best] = true;
        const double difference = std::abs(double(found[best].score) - box[1].get<double>());
        EXPECT_LE(difference, 0.01) << where << ": " << box;
        worst_overlap = std::min(worst_overlap, best_overlap);
        worst_score = std::max(worst_score, difference);
        ++boxes;
      }
    }
  }
  std::cout << network << ": " << boxes << " boxes, smallest IoU " << worst_overlap
            << ", largest score difference " << worst_score << '\n';
  EXPECT_GT(boxes, 20U);
}

INSTANTIATE_TEST_SUITE_P(Networks, GoldenBoxes, ::testing::Values("yolox_nano", "fastestdet", "centernet"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace tarsier::test
