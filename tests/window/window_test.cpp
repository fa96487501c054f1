// The real window: opened on a display (Xvfb in tests/run), drawn into, read back both from the swapchain and
// from the X server, resized and minimised. The validation layer with synchronisation validation is on.
#include "window/window.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <gtest/gtest.h>
#include <map>
#include <thread>

#include "core/file.hpp"
#include "gpu/driver_setup.hpp"
#include "overlay/panels.hpp"
#include "present/palette.hpp"
#include "support/eventually.hpp"
#include "support/gpu_fixture.hpp"
#include "support/scene.hpp"

namespace tarsier {
namespace {

overlay::ProfileSnapshot example_snapshot() {
  overlay::ProfileSnapshot data;
  data.pipeline = "street";
  data.source = "/usr/share/doc/opencv-doc/examples/data/vtest.avi";
  data.frame_width = 768;
  data.frame_height = 576;
  data.frame_id = 312;
  data.frame_count = 795;
  data.frames_per_s = 9.7;
  data.age_ms = 143.2;
  data.age_p50_ms = 141;
  data.age_p95_ms = 160;
  data.age_p99_ms = 188;
  for (int i = 0; i < 200; ++i)
    data.age_history_ms.push_back(140 + 20 * std::sin(float(i) * 0.13F) + float(i % 7));
  data.drops = {{"newer frame was there", 12}};
  data.device = "llvmpipe (LLVM 15.0.6, 256 bits)";
  data.software_device = true;
  data.passes = {{"upload", 0.21},      {"pre-process", 1.4}, {"centernet", 76.3},
                 {"decode + NMS", 2.1}, {"scene", 1.9},       {"window", 1.1}};
  return data;
}

Params example_params() {
  Params params;
  EXPECT_TRUE(params
                  .declare({.key = "detect.score_threshold",
                            .type = ParamType::kFloat,
                            .initial = 0.35,
                            .help = "Boxes below this score are not shown."})
                  .ok());
  EXPECT_TRUE(
      params.declare({.key = "detect.iou_threshold", .type = ParamType::kFloat, .initial = 0.5}).ok());
  EXPECT_TRUE(params
                  .declare({.key = "detect.classes",
                            .type = ParamType::kSet,
                            .initial = std::vector<std::string>{},
                            .choices = test::kTestClasses})
                  .ok());
  EXPECT_TRUE(params.declare({.key = "drivable.opacity", .type = ParamType::kFloat, .initial = 0.4}).ok());
  EXPECT_TRUE(params.declare({.key = "drivable.show", .type = ParamType::kBool, .initial = true}).ok());
  return params;
}

class WindowTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kWidth = 768, kHeight = 576;

  /// Of the device that SetUp makes.
  [[nodiscard]] virtual bool validation() const { return true; }

  void SetUp() override {
    if (std::getenv("DISPLAY") == nullptr) GTEST_SKIP() << "no DISPLAY: run under xvfb-run";
    messages_ = gpu::total_validation_messages();
    auto extensions = window::Window::instance_extensions();
    ASSERT_OK(extensions);
    auto made = gpu::Device::create(
        {.selector = "", .validation = validation(), .instance_extensions = *extensions, .present = true});
    ASSERT_OK(made);
    device_ = std::move(*made);
    auto ring = gpu::FrameRing::create(*device_, 2, 1 << 20);
    ASSERT_OK(ring);
    ring_ = std::move(*ring);
    auto scene = present::SceneRenderer::create(*device_, {.label_sets = {test::kTestClasses}});
    ASSERT_OK(scene);
    scene_ = std::move(*scene);
    auto frame = test::upload_vector(*device_, test::test_frame(kWidth, kHeight));
    ASSERT_OK(frame);
    frame_ = std::move(*frame);
    auto detections = test::upload_vector(
        *device_,
        test::detection_bytes({{420, 330, 560, 480, 0.91F, 2, 0, 0}, {300, 300, 350, 440, 0.77F, 0, 0, 0}}),
        true);
    ASSERT_OK(detections);
    detections_ = std::move(*detections);
  }

  void open(int width, int height) {
    auto opened = window::Window::open(*device_, {.width = width, .height = height});
    ASSERT_OK(opened);
    window_ = std::move(*opened);
  }

  void TearDown() override {
    if (ring_) ring_->drain();
    picture_.reset();
    window_.reset();
    scene_.reset();
    ring_.reset();
    frame_ = gpu::Buffer();
    detections_ = gpu::Buffer();
    device_.reset();
    if (IsSkipped()) return;
    EXPECT_EQ(gpu::total_validation_messages(), messages_) << "the validation layer complained";
  }

  /// One turn of a main loop. Whether something was shown.
  bool turn(overlay::PanelEvents* events = nullptr) {
    window_->poll();
    auto frame = ring_->begin();
    EXPECT_TRUE(frame.ok());
    for (const gpu::PassTime& one : (*frame)->times()) {
      const auto [at, first] = least_ms_.try_emplace(one.name, one.ms);
      if (!first) at->second = std::min(at->second, one.ms);
    }
    const present::DetectionInput one{&detections_, 0, 0};
    EXPECT_OK(scene_->draw(**frame, {.frame = &frame_,
                                     .width = kWidth,
                                     .height = kHeight,
                                     .masks = {},
                                     .detections = {&one, 1},
                                     .status = {}}));
    auto shown = window_->compose(**frame, scene_->image(), scene_->generation(), [&] {
      const auto got = panels_.draw(data_, params_);
      if (events != nullptr) *events = got;
    });
    EXPECT_OK(shown);
    EXPECT_OK(window_->submit(*ring_, **frame));
    return shown.ok() && *shown;
  }

  /// Turns until something was shown `times` times (the X server needs a moment for every change).
  void show(int times) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (times > 0 && std::chrono::steady_clock::now() < end) times -= turn() ? 1 : 0;
    ASSERT_EQ(times, 0) << "the window showed nothing";
  }

  void take_picture(const std::string& name) {
    picture_.reset();
    window_->grab([this](auto picture) { picture_ = std::move(picture); });
    show(1);
    ring_->drain();
    ASSERT_TRUE(picture_);
    if (const char* folder = std::getenv("TARSIER_TEST_PICTURES")) {
      ASSERT_OK(present::write_png(std::string(folder) + "/window_" + name + ".png", *picture_));
    }
  }

  /// Pixel of the window under this place of the frame.
  [[nodiscard]] std::array<int, 3> under(float x, float y) const {
    const double scale = std::min(double(picture_->width) / kWidth, double(picture_->height) / kHeight);
    const double left = (picture_->width - kWidth * scale) / 2;
    const double top = (picture_->height - kHeight * scale) / 2;
    return pixel(uint32_t(left + x * scale), uint32_t(top + y * scale));
  }
  [[nodiscard]] std::array<int, 3> pixel(uint32_t x, uint32_t y) const {
    const uint8_t* p = &picture_->pixels[(size_t(y) * picture_->width + x) * 4];
    return picture_->rgba ? std::array<int, 3>{p[0], p[1], p[2]} : std::array<int, 3>{p[2], p[1], p[0]};
  }
  static bool near(std::array<int, 3> got, std::array<int, 3> wanted, int tolerance) {
    for (size_t i = 0; i < 3; ++i) {
      if (std::abs(got[i] - wanted[i]) > tolerance) return false;
    }
    return true;
  }
  void expect_frame_and_boxes() {
    const auto frame = test::test_frame(kWidth, kHeight);
    const uint8_t* p = &frame[(size_t(400) * kWidth + 480) * 4];
    EXPECT_TRUE(near(under(480, 400), {p[2], p[1], p[0]}, 6)) << "the frame";
    // The car's blue on the frame's dull one; a shrunk window blends both.
    int blue = 0;
    for (float x = 417; x <= 423; x += 0.5F) blue = std::max(blue, under(x, 420)[2]);
    EXPECT_GT(blue, 150) << "the left edge of the car's box";
  }

  uint64_t messages_ = 0;
  std::unique_ptr<gpu::Device> device_;
  std::unique_ptr<gpu::FrameRing> ring_;
  std::unique_ptr<present::SceneRenderer> scene_;
  std::unique_ptr<window::Window> window_;
  gpu::Buffer frame_, detections_;
  overlay::Panels panels_;
  overlay::ProfileSnapshot data_ = example_snapshot();
  Params params_ = example_params();
  std::shared_ptr<const present::HostPicture> picture_;
  std::map<std::string, double> least_ms_;  // of each pass
};

TEST_F(WindowTest, ShowsFrameBoxesAndPanels) {
  for (const auto& [width, height] : {std::pair{1280, 720}, {640, 480}, {1920, 1080}}) {
    open(width, height);
    show(3);  // panels need two frames to find their size
    take_picture(fmt::format("{}x{}", width, height));
    EXPECT_EQ(picture_->width, uint32_t(width));
    EXPECT_EQ(picture_->height, uint32_t(height));
    expect_frame_and_boxes();
    // The panel in the upper left corner is dark and has light text and amber bars in it.
    int light = 0;
    int amber = 0;
    for (uint32_t y = 10; y < 420; ++y) {
      for (uint32_t x = 10; x < 220; ++x) {
        const auto [r, g, b] = pixel(x, y);
        light += r > 200 && g > 200 && b > 200 ? 1 : 0;
        amber += r > 140 && g > 80 && g < 190 && b < 100 ? 1 : 0;
      }
    }
    EXPECT_GT(light, 300);
    EXPECT_GT(amber, 300);
    window_->show_panels(false);
    take_picture("plain");
    if (width == 1280) {
      EXPECT_TRUE(near(pixel(40, 40), {9, 10, 13}, 2)) << "nothing but the background";
    }
    ring_->drain();
    window_.reset();
  }
}

TEST_F(WindowTest, NothingIsReadBackAndNothingAllocatedInSteadyState) {
  open(1280, 720);
  show(10);
  const uint64_t bytes = device_->readback_bytes();
  const uint64_t allocations = device_->allocations();
  show(20);
  EXPECT_EQ(device_->readback_bytes(), bytes);
  EXPECT_EQ(device_->allocations(), allocations);
}

TEST_F(WindowTest, SurvivesResizeAndMinimise) {
  open(800, 600);
  window_->show_panels(false);  // they would cover a narrow window
  show(3);
  const uint32_t before = window_->swapchain_generation();
  for (const auto& [width, height] : {std::pair{1000, 500}, {333, 777}, {640, 480}}) {
    window_->resize(width, height);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    do {
      take_picture("resized");
    } while (std::chrono::steady_clock::now() < end && picture_->width != uint32_t(width));
    EXPECT_EQ(picture_->width, uint32_t(width));
    EXPECT_EQ(picture_->height, uint32_t(height));
    expect_frame_and_boxes();
  }
  EXPECT_GE(window_->swapchain_generation(), before + 3);
  // Without a window manager X may refuse to iconify; either way frames go on being submitted.
  window_->iconify(true);
  for (int i = 0; i < 10; ++i) {
    const bool shown = turn();
    if (window_->minimised()) {
      EXPECT_FALSE(shown);
    }
  }
  window_->iconify(false);
  show(3);
}

TEST_F(WindowTest, ClicksOnHiddenPanelsAreNone) {
  if (std::system("command -v xdotool >/dev/null") != 0) GTEST_SKIP() << "xdotool is missing";
  open(1280, 720);
  window_->set_title("tarsier-click-test");
  show(5);
  const auto mouse = [](const std::string& what) {
    return std::system(("xdotool " + what + " >/dev/null 2>&1").c_str()) == 0;
  };
  ASSERT_TRUE(mouse("search --name tarsier-click-test windowmove --sync 0 0"));
  /// Whether Pause was pressed in the next pictures: a turn that shows none has asked no panel.
  const auto pauses = [&] {
    bool any = false;
    int shown = 0;
    EXPECT_TRUE(test::eventually([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      overlay::PanelEvents events;
      shown += turn(&events) ? 1 : 0;
      any = any || events.transport.toggle_pause;
      return shown >= 6;
    }));
    return any;
  };
  int y = 30;
  const auto click = [&] {
    return mouse(fmt::format("mousemove 1050 {0} mousedown 1", y)) && !pauses() && mouse("mouseup 1") &&
           pauses();
  };
  while (y < 120 && !click()) y += 8;
  ASSERT_LT(y, 120) << "no Pause in the panel";
  window_->show_panels(false);
  EXPECT_FALSE(pauses());
  ASSERT_TRUE(mouse("mousedown 1"));
  EXPECT_FALSE(pauses());
  ASSERT_TRUE(mouse("mouseup 1"));
  EXPECT_FALSE(pauses());
  ASSERT_TRUE(mouse("click 1"));
  EXPECT_FALSE(pauses());
  window_->show_panels(true);
  EXPECT_FALSE(pauses()) << "what was clicked while they were not there";
  EXPECT_TRUE(click());
}

TEST_F(WindowTest, ClosingIsAskedForOnce) {
  open(640, 480);
  EXPECT_FALSE(window_->poll().quit);
  window_->close();
  EXPECT_TRUE(window_->poll().quit);
  EXPECT_FALSE(window_->poll().quit) << "who stays is not asked again";
  show(1);
}

TEST_F(WindowTest, EveryPictureThatIsAskedForComes) {
  open(640, 480);
  show(1);
  constexpr int kWanted = 7;  // more than there are buffers
  int came = 0;
  for (int i = 0; i < kWanted; ++i) window_->grab([&](const auto&) { ++came; });
  show(1);
  ring_->drain();
  EXPECT_LT(came, kWanted);
  show(kWanted);
  ring_->drain();
  EXPECT_EQ(came, kWanted);
}

class WindowCost : public WindowTest {
  [[nodiscard]] bool validation() const override { return false; }
};

/// Wall and processor time tell of the machine's other work too: they are printed alone. Of the device's time
/// the least of many frames counts, of more where the machine has much other work; on a software device it is
/// 6 ms, 15 with panels. What this notices is a wait or a blow-up, not a pass more.
TEST_F(WindowCost, OnTheDeviceIsFarBelowANetworks) {
  for (const bool with_panels : {false, true}) {
    open(1280, 720);
    window_->show_panels(with_panels);
    show(10);
    least_ms_.clear();
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu_start = std::clock();
    constexpr int kTurns = 60;
    show(kTurns);
    ring_->drain();
    const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
    const double cpu_ms = double(std::clock() - cpu_start) * 1e3 / CLOCKS_PER_SEC / kTurns;
    ASSERT_TRUE(least_ms_.contains("window"));
    EXPECT_TRUE(test::eventually([&] { return turn() && least_ms_["window"] < 60; })) << least_ms_["window"];
    EXPECT_GT(least_ms_["window"], 0);
    std::string passes;
    for (const auto& [name, ms] : least_ms_) passes += fmt::format("  {} {:.2f} ms", name, ms);
    ring_->drain();
    window_.reset();
    std::printf(
        "[ measured ] %.2f ms a frame (%.2f ms CPU), 768x576 scene in a 1280x720 window, panels %s:%s\n",
        taken.count() / kTurns, cpu_ms, with_panels ? "on" : "off", passes.c_str());
  }
}

TEST_F(WindowTest, XServerShowsWhatWasPresented) {
  if (std::system("command -v xwd >/dev/null && command -v convert >/dev/null") != 0) {
    GTEST_SKIP() << "xwd or convert is missing (packages x11-apps, imagemagick)";
  }
  open(1280, 720);
  window_->set_title("tarsier-window-test");
  show(5);
  take_picture("x");
  const std::string path = ::testing::TempDir() + "tarsier_x.rgb";
  const std::string command = "xwd -silent -name tarsier-window-test | convert xwd:- -depth 8 rgb:" + path;
  size_t differ = 0;
  // Presenting is asynchronous.
  EXPECT_TRUE(test::eventually([&] {
    window_->poll();
    if (std::system(command.c_str()) != 0) return false;
    const auto rgb = read_file(path);
    if (!rgb.ok() || rgb->size() != 1280UL * 720 * 3) return false;
    differ = 0;
    for (uint32_t y = 0; y < 720; ++y) {
      for (uint32_t x = 0; x < 1280; ++x) {
        const auto* p = &(*rgb)[(size_t(y) * 1280 + x) * 3];
        differ += near(pixel(x, y), {int(p[0]), int(p[1]), int(p[2])}, 4) ? 0 : 1;
      }
    }
    return differ < 1280U * 720 / 200;
  })) << "the X server's picture is not the swapchain's: "
      << differ << " pixels";
  std::remove(path.c_str());
}

TEST_F(WindowTest, ScreenshotIsSavedUnderANewName) {
  auto opened = window::Window::open(
      *device_, {.width = 640, .height = 480, .picture_folder = ::testing::TempDir() + "tarsier_shots"});
  ASSERT_OK(opened);
  window_ = std::move(*opened);
  show(2);
  std::vector<std::string> paths;
  for (int i = 0; i < 2; ++i) {
    window_->screenshot([&](const Result<std::string>& path) {
      ASSERT_OK(path);
      paths.push_back(*path);
    });
    show(1);
    ring_->drain();
  }
  ASSERT_EQ(paths.size(), 2U);
  EXPECT_NE(paths[0], paths[1]);
  EXPECT_NE(window_->message().find("saved"), std::string::npos);
  for (const std::string& path : paths) std::remove(path.c_str());
}

}  // namespace
}  // namespace tarsier
