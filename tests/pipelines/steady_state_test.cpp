// What a run does once it is under way: it makes no Vulkan object, asks for no memory, and shows fresh
// frames.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "app/application.hpp"
#include "core/log.hpp"
#include "gpu/vulkan.hpp"
#include "pipelines/counting_heap.hpp"
#include "pipelines/frame_by_frame.hpp"
#include "support/test_data.hpp"

namespace tarsier::app {
namespace {

namespace fs = std::filesystem;

std::atomic<uint64_t> objects_made = 0;

/// Takes the place of one of volk's function pointers and counts its calls.
template <auto& Slot, class Function>
struct Counted;
template <auto& Slot, class R, class... Args>
struct Counted<Slot, R(VKAPI_PTR*)(Args...)> {
  static inline R(VKAPI_PTR* original)(Args...) = nullptr;
  static R VKAPI_CALL call(Args... args) {
    ++objects_made;
    return original(args...);
  }
  Counted() {
    original = Slot;
    Slot = call;
  }
  ~Counted() { Slot = original; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
};
template <auto& Slot>
using Count = Counted<Slot, std::remove_reference_t<decltype(Slot)>>;

/// While it lives, whatever makes a Vulkan object or takes device memory is counted.
struct CountedObjects {
  Count<vkAllocateMemory> memory;
  Count<vkCreateBuffer> buffers;
  Count<vkCreateImage> images;
  Count<vkCreateImageView> views;
  Count<vkCreateSampler> samplers;
  Count<vkCreateShaderModule> modules;
  Count<vkCreateComputePipelines> compute;
  Count<vkCreateGraphicsPipelines> graphics;
  Count<vkCreatePipelineLayout> layouts;
  Count<vkCreateDescriptorPool> pools;
  Count<vkCreateDescriptorSetLayout> set_layouts;
  Count<vkAllocateDescriptorSets> sets;
  Count<vkCreateCommandPool> command_pools;
  Count<vkAllocateCommandBuffers> command_buffers;
  Count<vkCreateQueryPool> queries;
  Count<vkCreateSemaphore> semaphores;
  Count<vkCreateFence> fences;
  Count<vkCreateRenderPass> passes;
  Count<vkCreateFramebuffer> framebuffers;
};

class SteadyState : public ::testing::Test {
 protected:
  fs::path dir_ = fs::temp_directory_path() / fmt::format("tarsier_steady_{}", getpid());
  Application app_;

  void SetUp() override {
    log::init("warn");
    fs::create_directories(dir_);
    for (const char* network : {"yolox_nano", "selfie_segmentation"}) {
      if (const auto why = test::missing_network(network); !why.empty()) GTEST_SKIP() << why;
    }
    app_.options.headless = true;
    app_.options.json = (dir_ / "results.jsonl").string();
    app_.options.pipeline = (dir_ / "both.toml").string();
    std::ofstream(app_.options.pipeline) << R"(description = "Boxes and a mask."
[[stage]]
name = "detect"
type = "detect"
model = "yolox_nano"
score = 0.05
[[stage]]
name = "track"
type = "track"
high_score = 0.05
new_score = 0.05
low_score = 0.02
[[stage]]
name = "zones"
type = "zones"
[[stage.zone]]
name = "left"
points = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
[[stage.line]]
name = "middle"
points = [[0.5, 1], [0.5, 0]]
[[stage]]
name = "privacy"
type = "privacy"
blur = "people,vehicles"
[[stage]]
name = "person"
type = "segment"
model = "selfie_segmentation"
[[stage.mask]]
name = "person"
output = "segment_back"
color = "#3d8bff"
)";
  }
  ~SteadyState() override { fs::remove_all(dir_); }

  /// What the headless loop does with a frame.
  Status one_frame() {
    const auto frame = test::submit_frame(app_);
    return frame.ok() ? Status() : frame.error();
  }
  /// Frames make no Vulkan object, at most `most` allocations each on the host, and keep nothing.
  void hold(int frames, uint64_t most);
};

void SteadyState::hold(int frames, uint64_t most) {
  const Status assembled = assemble(app_, {}, false);
  ASSERT_TRUE(assembled.ok()) << assembled.error().message;
  constexpr int kWarmUp = 8;
  for (int i = 0; i < kWarmUp; ++i) ASSERT_TRUE(one_frame().ok());

  const uint64_t device_allocations = app_.device->allocations();
  const uint64_t objects_before = objects_made;
  uint64_t most_allocations = 0;
  const int64_t live_before = test::heap_count().live;
  {
    const CountedObjects counted;
    ASSERT_NE(vkCreateBuffer, nullptr);
    for (int i = 0; i < frames; ++i) {
      const uint64_t before = test::heap_count().allocations;
      const Status status = one_frame();
      most_allocations = std::max(most_allocations, test::heap_count().allocations - before);
      ASSERT_TRUE(status.ok()) << status.error().message;
    }
    // That the counters count at all:
    EXPECT_EQ(objects_made, objects_before);
    ASSERT_TRUE(app_.device->create_buffer({.size = 256, .name = "one more"}).ok());
    EXPECT_EQ(objects_made, objects_before + 2) << "a buffer and its memory";
  }
  EXPECT_EQ(app_.device->allocations(), device_allocations + 1);
  const int64_t kept = test::heap_count().live - live_before;
  RecordProperty("most_host_allocations_of_a_frame", int(most_allocations));
  RecordProperty("host_allocations_kept", int(kept));
  printf("host allocations a frame: at most %d; kept after %d frames: %d\n", int(most_allocations), frames,
         int(kept));
  EXPECT_EQ(most_allocations > 0, test::heap_is_counted());
  // Results, their lists and the callbacks of a frame come from the heap and go back to it.
  EXPECT_LE(most_allocations, most);
  EXPECT_LE(kept, frames / 2) << "something grows with every frame";
  app_.ring->drain();
}

TEST_F(SteadyState, AFrameMakesNoVulkanObjectAndKeepsNoMemory) {
  app_.options.source = "synthetic:640x480";
  hold(50, 100);
}

/// All that `ar` draws of a person: background, glasses, face, body and hands.
TEST_F(SteadyState, NeitherDoesOneWithAPersonBeforeAWebcam) {
  for (const char* network :
       {"face_landmark", "face_detection_short", "movenet_lightning", "hand_landmark_lite"}) {
    if (const auto why = test::missing_network(network); !why.empty()) GTEST_SKIP() << why;
  }
  app_.options.source = test::shared_clip("webcam_walk.mkv").string();
  if (const auto why = test::missing_file(app_.options.source); !why.empty()) GTEST_SKIP() << why;
  app_.options.loop = true;
  app_.options.pipeline = "ar";
  app_.options.set = {"body.show=skeleton", "hands.show=skeleton", "face.axes=on"};
  hold(30, 100);
}

/// Policy `latest` and a camera that is faster than the network.
TEST_F(SteadyState, LatestShowsFramesOneNetworkPeriodOld) {
  constexpr double kCameraMs = 1000.0 / 120;
  app_.options.source = "synthetic:640x480@120";
  app_.options.policy = "latest";
  app_.options.max_frames = 40;
  const Status assembled = assemble(app_, {}, false);
  ASSERT_TRUE(assembled.ok()) << assembled.error().message;
  const auto start = std::chrono::steady_clock::now();
  const Status ran = run_headless(app_);
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
  ASSERT_TRUE(ran.ok()) << ran.error().message;
  EXPECT_GT(app_.mailbox->drops().late, 0U)
      << "the network was not slower than the camera: this shows nothing";

  std::vector<double> times_ms;
  std::vector<double> ages_ms;
  std::ifstream in(app_.options.json);
  for (std::string line; std::getline(in, line);) {
    const auto result = nlohmann::json::parse(line);
    times_ms.push_back(result["time"].get<double>() * 1e3);
    ages_ms.push_back(result["latency_ms"].get<double>());
  }
  ASSERT_EQ(ages_ms.size(), 40U);
  if (times_ms.back() - times_ms.front() < 0.7 * wall.count()) {
    GTEST_SKIP() << "this machine does not make the camera's pictures in time (a sanitizer?)";
  }
  // Of each frame, since the machine's speed changes: its age against the time until the next one was taken.
  // The median bears with the moments in which a busy machine does something else.
  std::vector<double> excess;
  for (size_t i = 5; i + 1 < ages_ms.size(); ++i)
    excess.push_back(ages_ms[i] - (times_ms[i + 1] - times_ms[i]));
  std::ranges::nth_element(excess, excess.begin() + std::ptrdiff_t(excess.size() / 2));
  const double median = excess[excess.size() / 2];
  RecordProperty("median_age_beyond_a_period_us", int(median * 1000));
  EXPECT_LE(median, kCameraMs) << "frames are older than one network period and one frame";
}

}  // namespace
}  // namespace tarsier::app
