// The pipeline ar as it is shipped: every effect, changed while it runs, on the way to a screen.
#include <array>
#include <filesystem>
#include <gtest/gtest.h>

#include "app/application.hpp"
#include "capture/backdrop.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "pipelines/frame_by_frame.hpp"
#include "present/frame_grabber.hpp"
#include "support/clips.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"

namespace tarsier::app {
namespace {

namespace fs = std::filesystem;

class Ar : public ::testing::Test {
 protected:
  test::TempFolder dir_;
  Application app_;
  bool first_ = true;
  void SetUp() override {
    log::init("warn");
    if (const auto why = test::missing_network("selfie_segmentation"); !why.empty()) GTEST_SKIP() << why;
    app_.options.headless = true;
    app_.options.pipeline = "ar";
    app_.options.globals.tune = "off";
    app_.options.set = {"face.show=off", "face.object=none"};
  }

  void assemble_with(const std::string& source, const std::string& effect) {
    app_.options.source = source;
    app_.options.set.push_back("background.effect=" + effect);
    const Status assembled = assemble(app_, {}, false);
    ASSERT_TRUE(assembled.ok()) << assembled.error().message;
  }
  void choose(const std::string& effect, const char* key = "background.effect") {
    ASSERT_TRUE(app_.params.set_text(key, effect, ParamOrigin::kOverlay).ok());
  }
  /// What the headless loop does with the next frame; afterwards that one is done.
  capture::Frame one_frame() {
    auto frame = test::finish_frame(app_);
    EXPECT_TRUE(frame.ok()) << frame.error().message;
    EXPECT_EQ(app_.loop->latest().readback_bytes, 0U);
    // Of hands only after the first frame, before which nobody knows whether results are wanted.
    EXPECT_LE(app_.loop->latest().tracker_bytes, first_ ? 256U : 128U) << "whether there is a face";
    first_ = false;
    return *std::move(frame);
  }
  std::vector<uint8_t> shown() {
    const gpu::Image& image = app_.loop->image();
    const uint64_t bytes = uint64_t(image.width()) * image.height() * 4;
    auto copy =
        app_.device->create_buffer({.size = bytes, .memory = gpu::Memory::kReadback, .name = "shown"});
    EXPECT_TRUE(copy.ok());
    EXPECT_TRUE(app_.device
                    ->run_once([&](gpu::CommandList& commands) {
                      commands.image_barrier(image, gpu::ImageUse::kSampled, gpu::ImageUse::kTransferRead);
                      commands.read_back(image, *copy, 0);
                      commands.image_barrier(image, gpu::ImageUse::kTransferRead, gpu::ImageUse::kSampled);
                    })
                    .ok());
    const auto pixels = copy->as<uint8_t>();
    return {pixels.begin(), pixels.end()};
  }
  /// What is shown after so many more frames; the last one of them is frame_.
  std::vector<uint8_t> shown_after(int frames) {
    for (int i = 0; i < frames; ++i) frame_ = one_frame();
    return shown();
  }
  capture::Frame frame_;
  /// The part of a picture's pixels that equal another one's.
  static double equal(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
    EXPECT_EQ(a.size(), b.size());
    size_t same = 0;
    for (size_t i = 0; i < a.size(); i += 4) same += std::equal(&a[i], &a[i] + 3, &b[i]) ? 1 : 0;
    return double(same) * 4 / double(a.size());
  }
  static std::vector<uint8_t> plain(size_t bytes, uint8_t b, uint8_t g, uint8_t r) {
    std::vector<uint8_t> pixels(bytes, 255);
    for (size_t i = 0; i < bytes; i += 4) {
      pixels[i] = b;
      pixels[i + 1] = g;
      pixels[i + 2] = r;
    }
    return pixels;
  }
};

TEST_F(Ar, WithoutAnEffectThePictureIsBitForBitTheCameras) {
  assemble_with("synthetic:321x240", "none");
  for (int i = 0; i < 3; ++i) {
    const auto frame = one_frame();
    ASSERT_EQ(shown(), *frame.bgra);
  }
}

TEST_F(Ar, ImagesOfSeveralSizesAreEachBlurred) {
  test::write_clip(dir_ / "images" / "a%d.png", 1, 321, 240);
  test::write_clip(dir_ / "images" / "b%d.png", 1, 640, 360);
  app_.options.loop = true;
  assemble_with((dir_ / "images").string(), "blur");
  for (int i = 0; i < 4; ++i) {
    capture::Frame frame = one_frame();
    ASSERT_EQ(frame.width, i % 2 == 0 ? 321 : 640);
    auto pixels = shown();
    ASSERT_EQ(pixels.size(), frame.bgra->size());
    EXPECT_NE(pixels, *frame.bgra) << "the square's edges are soft";
    frame.bgra = std::make_shared<std::vector<uint8_t>>(std::move(pixels));
    EXPECT_NEAR(test::measured_level(frame), test::level_of(0), 3) << i;
  }
}

TEST_F(Ar, TheNetworkRestsWhileNobodyTakesItsMask) {
  assemble_with("synthetic:320x240", "none");
  const auto runs = [&] {
    one_frame();
    one_frame();  // that results are not wanted is known from the frame before
    return std::ranges::any_of(app_.loop->pass_times(),
                               [](const auto& pass) { return pass.name == "person network"; });
  };
  EXPECT_FALSE(runs());
  choose("blur");
  EXPECT_TRUE(runs());
  choose("none");
  EXPECT_FALSE(runs());
  ASSERT_TRUE(app_.params.set_text("person.person.opacity", "0.5", ParamOrigin::kOverlay).ok());
  EXPECT_TRUE(runs()) << "the mask is drawn";
}

TEST_F(Ar, EffectsChangeWhileItRunsAndReadNothingBack) {
  test::write_clip(dir_ / "clip.mp4", 10, 160, 120);
  app_.options.set.push_back("background.clip=" + (dir_ / "clip.mp4").string());
  assemble_with("synthetic:320x240", "none");
  // Nobody is in the picture: what is shown is the background.
  capture::FramePool pool;
  const auto image = capture::read_picture((home_dir() / "assets" / "backdrop.jpg").string());
  ASSERT_TRUE(image.ok()) << image.error().message;
  const auto covered = capture::cover(*image, 320, 240, pool);
  uint64_t allocations = 0;
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    // Whatever an effect needs is made when it is first chosen.
    if (round == 1) allocations = app_.device->allocations();
    choose("green");
    one_frame();
    EXPECT_GT(equal(shown(), plain(320 * 240 * 4, 0x40, 0xb1, 0x00)), 0.9);
    choose("image");
    one_frame();
    EXPECT_GT(equal(shown(), *covered.bgra), 0.9);
    choose("matte");
    one_frame();
    EXPECT_GT(equal(shown(), plain(320 * 240 * 4, 0, 0, 0)), 0.9);
    choose("clip");
    for (int i = 0; i < 4; ++i) one_frame();
    capture::Frame clip;
    clip.width = 320;
    clip.height = 240;
    clip.bgra = std::make_shared<std::vector<uint8_t>>(shown());
    const double clip_s =
        round == 0 ? 3 / 30.0 : 12 / 30.0;  // frames since it was first chosen, 20 pictures/s
    EXPECT_NEAR(test::measured_level(clip), test::level_of(uint64_t(clip_s * 20 + 0.02)), 6);
    choose("blur");
    auto frame = one_frame();
    EXPECT_LT(equal(shown(), *frame.bgra), 0.5);
    choose("none");
    frame = one_frame();
    EXPECT_EQ(shown(), *frame.bgra);
    if (round == 1) {
      EXPECT_EQ(app_.device->allocations(), allocations + 6) << "as many as shown() made";
    }
  }
}

TEST_F(Ar, AnEffectWithoutItsFileIsToldAndChangesNothing) {
  assemble_with("synthetic:320x240", "none");
  choose("clip");
  const auto frame = one_frame();
  const auto pixels = shown();
  EXPECT_LT(equal(pixels, *frame.bgra), 1.0) << "no note is shown";
  EXPECT_TRUE(std::equal(pixels.begin(), pixels.begin() + 320 * 180 * 4, frame.bgra->begin()));
}

TEST_F(Ar, DepthIsShownByANetworkOfTheUsersOwn) {
  const auto network = test::shared_folder() / "models" / "tcmonodepth_small.onnx";
  const auto clip = test::shared_clip("webcam_book.mkv");
  for (const auto& path : {network, clip}) {
    if (const auto why = test::missing_file(path); !why.empty()) GTEST_SKIP() << why;
  }
  const auto own = dir_ / "depth.onnx";
  fs::create_symlink(network, own);
  ASSERT_TRUE(write_text_atomic(dir_ / "depth.toml",
                                "head = \"inverse_depth\"\n[input]\nsize = [320, 192]\nlayout = \"NCHW\"\n"
                                "colour = \"RGB\"\nstd = 1\nfit = \"stretch\"\n")
                  .ok());
  app_.options.set.push_back("depth.model=" + own.string());
  assemble_with(clip.string(), "none");
  const auto plain_picture = shown_after(1);
  EXPECT_EQ(plain_picture, *frame_.bgra) << "depth.effect is none";
  ASSERT_TRUE(app_.params.set_text("depth.effect", "fog", ParamOrigin::kOverlay).ok());
  const auto mean = [](const std::vector<uint8_t>& bgra, int x0, int y0, int x1, int y1, int channel) {
    double sum = 0;
    for (int y = y0; y < y1; ++y)
      for (int x = x0; x < x1; ++x) sum += bgra[size_t(4 * (y * 640 + x) + channel)];
    return sum / ((x1 - x0) * (y1 - y0));
  };
  // She stands before a wall, her pullover between these columns; the blue pane hangs on the wall.
  const auto fog = shown_after(8);
  EXPECT_NEAR(mean(fog, 260, 330, 350, 420, 2), mean(*frame_.bgra, 260, 330, 350, 420, 2), 12);
  EXPECT_GT(mean(fog, 500, 100, 580, 200, 2), mean(*frame_.bgra, 500, 100, 580, 200, 2) + 60);
  ASSERT_TRUE(app_.params.set_text("depth.effect", "colors", ParamOrigin::kOverlay).ok());
  const auto colours = shown_after(1);
  EXPECT_GT(mean(colours, 260, 330, 350, 420, 1), 150) << "she is near";
  EXPECT_LT(mean(colours, 500, 100, 580, 200, 1), 60) << "the wall is far";
  const uint64_t allocations = app_.device->allocations();
  for (int i = 0; i < 3; ++i) one_frame();
  EXPECT_EQ(app_.device->allocations(), allocations);
}

TEST_F(Ar, WithoutADepthNetworkTheNoteSaysWhatToSet) {
  assemble_with("synthetic:320x240", "none");
  ASSERT_TRUE(app_.params.set_text("depth.effect", "fog", ParamOrigin::kOverlay).ok());
  const auto pixels = shown_after(1);
  EXPECT_LT(equal(pixels, *frame_.bgra), 1.0) << "no note is shown";
  EXPECT_TRUE(std::equal(pixels.begin(), pixels.begin() + 320 * 180 * 4, frame_.bgra->begin()));
}

TEST_F(Ar, ADarkPictureIsMadeLightForAllThatFollows) {
  if (const auto why = test::missing_network("lyt_net"); !why.empty()) GTEST_SKIP() << why;
  // The backdrop as a camera sees it by night.
  const auto image = capture::read_picture((home_dir() / "assets" / "backdrop.jpg").string());
  ASSERT_TRUE(image.ok()) << image.error().message;
  capture::FramePool pool;
  const auto covered = capture::cover(*image, 320, 240, pool);
  std::vector<uint8_t> dark(*covered.bgra);
  for (size_t i = 0; i < dark.size(); ++i) dark[i] = i % 4 == 3 ? 255 : uint8_t(dark[i] / 6);
  fs::create_directory(dir_ / "night");
  for (const char* name : {"1.png", "2.png", "3.png", "4.png"}) {
    present::HostPicture picture;
    picture.width = 320;
    picture.height = 240;
    picture.pixels = dark;
    ASSERT_TRUE(present::write_png((dir_ / "night" / name).string(), picture).ok());
  }
  assemble_with((dir_ / "night").string(), "none");
  EXPECT_EQ(shown_after(1), dark) << "enhance.on is off";
  ASSERT_TRUE(app_.params.set_text("enhance.on", "on", ParamOrigin::kOverlay).ok());
  const auto light = shown_after(1);
  double before = 0, after = 0, apart = 0;
  for (size_t i = 0; i < light.size(); ++i) {
    if (i % 4 == 3) continue;
    before += dark[i];
    after += light[i];
  }
  EXPECT_GT(after, 2.5 * before);
  // Fine detail is lightened with the rest: neighbours differ by more.
  double fine_before = 0;
  for (size_t i = 4; i < light.size(); i += 4) {
    apart += std::abs(int(light[i]) - int(light[i - 4]));
    fine_before += std::abs(int(dark[i]) - int(dark[i - 4]));
  }
  EXPECT_GT(apart, 2 * fine_before);
  // Switched on anew, the network runs at once: nothing older is carried forward (`every` is 3 in the file).
  const auto ran = [&] {
    return std::ranges::any_of(app_.loop->pass_times(),
                               [](const auto& pass) { return pass.name == "enhance network"; });
  };
  EXPECT_TRUE(ran());
  ASSERT_TRUE(app_.params.set_text("enhance.on", "off", ParamOrigin::kOverlay).ok());
  EXPECT_EQ(shown_after(1), dark);
  ASSERT_TRUE(app_.params.set_text("enhance.on", "on", ParamOrigin::kOverlay).ok());
  ASSERT_TRUE(app_.params.set_text("enhance.strength", "0", ParamOrigin::kOverlay).ok());
  EXPECT_EQ(shown_after(1), dark);
  EXPECT_TRUE(ran());
}

TEST_F(Ar, AnObjectIsPutOnTheFaceAndTakenOffWhileItRuns) {
  for (const char* network : {"face_landmark", "face_detection_short"}) {
    if (const auto why = test::missing_network(network); !why.empty()) GTEST_SKIP() << why;
  }
  const auto clip = test::shared_clip("webcam_book.mkv");
  if (const auto why = test::missing_file(clip); !why.empty()) GTEST_SKIP() << why;
  assemble_with(clip.string(), "none");
  for (int i = 0; i < 4; ++i) {  // the face is settled
    const auto frame = one_frame();
    ASSERT_EQ(shown(), *frame.bgra) << "nothing is worn";
  }
  // Marked by eye: her eyes are at (295, 130), give or take what she moves, 70 pixels of her face high; the
  // crown of her head is at (300, 95).
  const std::array<std::array<size_t, 4>, 3> areas{
      {{250, 100, 340, 160}, {215, 40, 385, 160}, {250, 0, 350, 130}}};
  uint64_t allocations = 0;
  for (int round = 0; round < 2; ++round) {
    if (round == 1) allocations = app_.device->allocations();
    for (size_t object = 0; object < 3; ++object) {
      SCOPED_TRACE(object);
      choose(std::array{"glasses", "hat", "party"}[object], "face.object");
      if (object == 0) shown_after(3);  // the face's networks rested: it must settle
      const auto frame = one_frame();
      const auto pixels = shown();
      size_t within = 0, outside = 0;
      for (size_t at = 0; at < pixels.size(); at += 4) {
        if (std::equal(&pixels[at], &pixels[at] + 3, &(*frame.bgra)[at])) continue;
        const size_t x = at / 4 % 640, y = at / 4 / 640;
        const auto& [left, top, right, bottom] = areas[object];
        (x >= left && x < right && y >= top && y < bottom ? within : outside) += 1;
      }
      EXPECT_GT(within, 500U);
      EXPECT_EQ(outside, 0U);
    }
    choose("none", "face.object");
    const auto frame = one_frame();
    EXPECT_EQ(shown(), *frame.bgra);
  }
  EXPECT_EQ(app_.device->allocations(), allocations + 5) << "as many as shown() made";
}

TEST_F(Ar, ThePersonStaysAndTheRoomGoes) {
  const auto clip = test::shared_clip("webcam_walk.mkv");
  if (const auto why = test::missing_file(clip); !why.empty()) GTEST_SKIP() << why;
  app_.options.set.push_back("background.color=#00ff00");
  assemble_with(clip.string(), "green");
  constexpr int kWidth = 640;
  for (int i = 0; i < 12; ++i) {
    const auto frame = one_frame();
    ASSERT_EQ(frame.width, kWidth);
    const auto pixels = shown();
    size_t green = 0, kept = 0;
    for (size_t at = 0; at < pixels.size(); at += 4) {
      if (pixels[at] == 0 && pixels[at + 1] == 255 && pixels[at + 2] == 0) ++green;
      if (std::equal(&pixels[at], &pixels[at] + 3, &(*frame.bgra)[at])) ++kept;
    }
    const double all = double(pixels.size()) / 4;
    // By eye she covers a fifth to a quarter of the picture.
    EXPECT_GT(double(green) / all, 0.65) << i;
    EXPECT_GT(double(kept) / all, 0.12) << i;
    EXPECT_LT(1 - double(green + kept) / all, 0.08) << i << ": soft edges are lines, not areas";
  }
}

}  // namespace
}  // namespace tarsier::app
