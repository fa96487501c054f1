// Privacy in the street pipeline: what is recorded, while the detector finds people and while it does not.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <optional>
#include <unistd.h>

#include "app/application.hpp"
#include "app/command_line.hpp"
#include "capture/frame_source.hpp"
#include "core/log.hpp"
#include "pipelines/frame_by_frame.hpp"
#include "support/test_data.hpp"

namespace tarsier::app {
namespace {

namespace fs = std::filesystem;

class Privacy : public ::testing::Test {
 protected:
  fs::path dir_ = fs::temp_directory_path() / fmt::format("tarsier_privacy_{}", getpid());
  Application app_;
  std::vector<capture::Frame> all_;  // every one
  std::vector<pipeline::FrameResult> results_;

  void SetUp() override {
    log::init("warn");
    fs::create_directories(dir_);
    app_.options.headless = true;
    app_.options.globals.validation = true;
    // The picture without anything drawn on it; every box that the tracker sees is listed.
    app_.options.set = {"detect.show=off", "track.show=off", "zones.show=off", "detect.score=0.2"};
    if (const std::string why = test::missing_network("centernet"); !why.empty()) GTEST_SKIP() << why;
  }
  ~Privacy() override { fs::remove_all(dir_); }

  void assemble_app() {
    const Status status = assemble(app_, device_options(app_.options.globals), false);
    ASSERT_TRUE(status.ok()) << status.error().message;
  }
  /// One frame, one at a time as in a recording.
  void one_frame() {
    auto frame = test::finish_frame(app_);
    ASSERT_TRUE(frame.ok()) << frame.error().message;
    capture::Frame copy = *frame;
    copy.bgra = std::make_shared<std::vector<uint8_t>>(*frame->bgra);
    all_.push_back(std::move(copy));
    results_.push_back(app_.loop->latest());
  }
  void set(const std::string& key, const std::string& value) {
    const Status status = app_.params.set_text(key, value, ParamOrigin::kOverlay);
    ASSERT_TRUE(status.ok()) << status.error().message;
  }
  /// Of the latest frame.
  std::vector<std::string> warnings() {
    auto context = app_.ring->begin();
    EXPECT_TRUE(context.ok());
    pipeline::Layers layers;
    for (const auto& stage : app_.loop->stages()) {
      if (stage->name() == "privacy") stage->layers(**context, {}, app_.params, layers);
    }
    EXPECT_TRUE(app_.ring->submit(**context).ok());
    return layers.banners;
  }
  /// The pictures that were written, in order.
  std::vector<std::shared_ptr<std::vector<uint8_t>>> written() {
    EXPECT_TRUE(app_.loop->take_error().ok());
    EXPECT_TRUE(app_.loop->outputs().finish().ok());
    std::vector<std::shared_ptr<std::vector<uint8_t>>> pictures;
    auto source = capture::open_source((dir_ / "*.png").string());
    EXPECT_TRUE(source.ok());
    while (source.ok()) {
      auto frame = (*source)->next();
      if (!frame.ok() || !frame->has_value()) break;
      pictures.push_back(std::make_shared<std::vector<uint8_t>>(*(*frame)->bgra));
    }
    EXPECT_EQ(pictures.size(), all_.size());
    return pictures;
  }
  /// Mean square of the Laplacian of green within a box.
  template <class Box>
  static double detail(const std::vector<uint8_t>& bgra, int width, int height, const Box& box) {
    double sum = 0;
    int count = 0;
    for (int y = std::max(int(box.y0), 1); y < std::min(int(box.y1), height - 1); ++y) {
      for (int x = std::max(int(box.x0), 1); x < std::min(int(box.x1), width - 1); ++x, ++count) {
        const auto at = [&](int dx, int dy) {
          return double(bgra[(size_t(y + dy) * size_t(width) + size_t(x + dx)) * 4 + 1]);
        };
        const double laplacian = at(-1, 0) + at(1, 0) + at(0, -1) + at(0, 1) - 4 * at(0, 0);
        sum += laplacian * laplacian;
      }
    }
    return sum / std::max(count, 1);
  }
  /// How much of a frame's detail is left in a box of the picture.
  template <class Box>
  [[nodiscard]] double left(size_t frame, const std::vector<uint8_t>& picture, const Box& box) const {
    const capture::Frame& was = all_[frame];
    return detail(picture, was.width, was.height, box) / detail(*was.bgra, was.width, was.height, box);
  }
  [[nodiscard]] double same_pixels(size_t frame, const std::vector<uint8_t>& picture) const {
    size_t same = 0;
    for (size_t i = 0; i < picture.size(); i += 4)
      same += std::memcmp(&picture[i], &(*all_[frame].bgra)[i], 3) == 0 ? 1 : 0;
    return double(same) / (double(picture.size()) / 4);
  }
};

TEST_F(Privacy, PeopleAreBlurredInWhatIsRecordedAndTheRestIsNot) {
  app_.options.sink = (dir_ / "%05d.png").string();
  app_.options.json = (dir_ / "r.jsonl").string();
  app_.options.set.emplace_back("privacy.blur=people");
  assemble_app();
  for (int i = 0; i < 8; ++i) one_frame();
  const auto pictures = written();
  ASSERT_EQ(pictures.size(), all_.size());
  size_t people = 0;
  for (size_t i = 0; i < pictures.size(); ++i) {
    for (const auto& box : results_[i].detections) {
      if (box.class_id != 0) continue;
      ++people;
      EXPECT_LT(left(i, *pictures[i], box), 0.01) << "frame " << i << " at " << box.x0 << "," << box.y0;
    }
    EXPECT_GT(same_pixels(i, *pictures[i]), 0.75) << "frame " << i;
    EXPECT_LT(same_pixels(i, *pictures[i]), 0.99) << "frame " << i;
  }
  EXPECT_GE(people, 30U);
}

TEST_F(Privacy, WhoIsMissedWhileHeIsTrackedStaysBlurred) {
  app_.options.sink = (dir_ / "%05d.png").string();
  app_.options.set.emplace_back("privacy.blur=people");
  assemble_app();
  for (int i = 0; i < 5; ++i) one_frame();
  // From here on the detector finds nothing.
  for (const char* key : {"detect.score", "track.high_score", "track.low_score", "track.new_score"})
    set(key, "1");
  for (int i = 0; i < 4; ++i) one_frame();
  set("privacy.blur", "off");
  one_frame();
  const auto pictures = written();
  ASSERT_EQ(pictures.size(), 10U);
  size_t people = 0;
  for (size_t i = 5; i < 9; ++i) {
    EXPECT_TRUE(results_[i].detections.empty());
    for (const auto& track : results_[i].tracks) {
      if (track.class_id != 0 || track.state != vision::TrackState::kLost) continue;
      ++people;
      EXPECT_LT(left(i, *pictures[i], track), 0.01) << "frame " << i << ", track " << track.id;
      // Nor where the detector found him last: he may have stopped. In the first of these frames the tracker
      // does not know yet.
      if (i == 5) continue;
      const vision::Detection seen{track.seen_x0, track.seen_y0, track.seen_x1, track.seen_y1};
      EXPECT_LT(left(i, *pictures[i], seen), 0.02) << "frame " << i << ", track " << track.id;
    }
  }
  EXPECT_GE(people, 12U);
  EXPECT_EQ(same_pixels(9, *pictures[9]), 1) << "switched off";
}

/// Nobody may take the picture for blurred.
TEST_F(Privacy, WhatIsNotBlurredIsToldInThePicture) {
  assemble_app();
  set("privacy.blur", "people,faces,vehicles");
  one_frame();
  EXPECT_EQ(warnings(), std::vector<std::string>());
  set("detect.classes", "person,car,bus");
  one_frame();
  EXPECT_EQ(warnings(), std::vector<std::string>{"NOT BLURRED: detect.classes leaves out truck"});
  set("detect.classes", "car,bus,truck");
  one_frame();
  EXPECT_EQ(warnings(), std::vector<std::string>{"NOT BLURRED: detect.classes leaves out person"})
      << "once for people and faces";
  set("privacy.blur", "off");
  one_frame();
  EXPECT_EQ(warnings(), std::vector<std::string>());
}

TEST_F(Privacy, ANetworkThatKnowsNoPeopleIsToldInThePicture) {
  const auto catalogue = models::Catalogue::load_default();
  const auto store = models::store_options({});
  ASSERT_TRUE(catalogue.ok() && store.ok());
  const auto files = models::locate(**catalogue->find("centernet"), *store);
  ASSERT_TRUE(files.ok());
  for (const char* extension : {".json", ".bin"}) {
    const fs::path from = fs::path(files->main).replace_extension(extension);
    fs::copy_file(from, dir_ / from.filename());
  }
  const fs::path model = dir_ / files->main.filename();
  std::ofstream labels(dir_ / "things.txt");
  for (int i = 0; i < 80; ++i) labels << "thing " << i << "\n";
  labels.close();
  std::ofstream(fs::path(model).replace_extension(".toml"))
      << "head = 'centernet'\noutputs = ['tower_0/keypoints', 'tower_0/wh']\nlabels = 'things.txt'\n"
         "[input]\nsize = [512, 512]\nlayout = 'NHWC'\ncolour = 'RGB'\nfit = 'stretch'\nany_aspect = true\n";
  app_.options.set.push_back("detect.model=" + model.string());
  app_.options.set.emplace_back("detect.classes=all");
  assemble_app();
  set("privacy.blur", "people");
  one_frame();
  EXPECT_EQ(warnings(), std::vector<std::string>{"NOT BLURRED: detect.model knows no person"});
}

TEST_F(Privacy, NothingIsReadBackOnTheWayToTheScreen) {
  app_.options.set.emplace_back("privacy.blur=people,vehicles");
  assemble_app();
  for (int i = 0; i < 4; ++i) one_frame();
  EXPECT_EQ(results_.back().readback_bytes, 0U);
  EXPECT_GT(results_.back().tracker_bytes, 0U);
  bool timed = false;
  for (const auto& time : results_.back().stage_times) timed = timed || time.stage == "privacy";
  EXPECT_TRUE(timed);
}

/// The rest of a pipeline runs on where a network is missing; not where that would show people.
TEST(PrivacyWithoutNetworks, NothingIsShownUnblurred) {
  const test::WithoutNetworks without;
  RunOptions options;
  options.headless = true;
  options.source = "synthetic:64x64";
  options.max_frames = 1;
  options.sink = (without.folder() / "%d.png").string();
  options.set = {"privacy.blur=people"};
  const Status status = run(options);
  EXPECT_FALSE(fs::exists(without.folder() / "0.png"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().exit_code(), 2);
  EXPECT_NE(status.error().message.find("privacy.blur: nothing can be blurred"), std::string::npos)
      << status.error().message;
}

}  // namespace
}  // namespace tarsier::app
