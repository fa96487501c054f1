// What a frame, a side that is made and a session in writing hold of the parameters while somebody changes
// them: a snapshot of one moment. Run under the thread sanitizer, which sees any of them read while it
// changes.
#include <optional>

#include "app/side_build.hpp"
#include "pipelines/stepped_run.hpp"
#include "record/session.hpp"
#include "support/own_cache.hpp"
#include "support/result_lines.hpp"

namespace tarsier::app {
namespace {

/// Two parameters that are always set one after the other: whoever sees two values that do not belong
/// together has looked in between.
class Snapshots : public test::SteppedRun {
 protected:
  static constexpr double kSum = 1;

  void SetUp() override {
    SteppedRun::SetUp();
    if (IsSkipped()) return;
    app_.options.source = "synthetic:320x240@10";
    app_.options.pipeline = dir_.write("changed.toml", std::string(kDetect) + kTrack).string();
    app_.options.json = (dir_ / "seen.jsonl").string();
    assemble_it();
  }
  /// As the panel does it between two frames.
  void change(int n) {
    ASSERT_TRUE(app_.params.set("track.high_score", high(n), ParamOrigin::kOverlay).ok());
    ASSERT_TRUE(app_.params.set("track.low_score", kSum - high(n), ParamOrigin::kOverlay).ok());
  }
  static double high(int n) { return 0.5 + 0.002 * (n % 200); }

  test::OwnCache cache_;
};

TEST_F(Snapshots, AreOfOneMomentWhateverReadsThem) {
  // As the window's, which keeps the last seconds.
  std::optional<SessionRecorder> recorder(std::in_place, app_,
                                          session_source(app_, app_.mailbox->info(), true),
                                          SessionRecorder::Memory{.seconds = 10});
  recorder->note_pipeline();
  int frames = 0;
  const auto run_frame = [&] {
    change(frames);
    const auto frame = test::finish_frame(app_);
    ASSERT_TRUE(frame.ok()) << frame.error().message;
    recorder->frame(*frame, app_.params);
    ++frames;
  };
  std::vector<std::filesystem::path> moments;
  for (const char* aspect : {"off", "on"}) {
    change(frames);
    RunOptions options = app_.options;
    options.set = {std::string("detect.frame_aspect=") + aspect};
    auto next = read_again(app_, options, OverlayValues::kKeep, app_.catalogue);
    ASSERT_TRUE(next.ok()) << next.error().message;
    const int made_from = frames;
    SideBuild build(app_.side_context(true), *std::move(next));
    for (int beside = 0; !build.done() || beside < 3; ++beside) {
      run_frame();
      if (HasFatalFailure()) return;
      (void)build.progress();
      // A moment is written by a thread of its own, too.
      const auto folder = dir_ / ("moment" + std::to_string(moments.size()));
      if (recorder->save_moment(folder).ok()) moments.push_back(folder);
      (void)recorder->take_message();
    }
    auto made = build.take();
    ASSERT_TRUE(made.side.ok()) << made.side.error().message;
    EXPECT_DOUBLE_EQ(made.setup.params.real("track.high_score"), high(made_from));
    EXPECT_DOUBLE_EQ(made.setup.params.real("track.low_score"), kSum - high(made_from));
    const Status switched = app_.switch_to(std::move(made.setup), *std::move(made.side));
    ASSERT_TRUE(switched.ok()) << switched.error().message;
  }
  run_frame();
  EXPECT_EQ(app_.device->validation_messages(), 0U);
  ASSERT_TRUE(app_.loop->outputs().finish().ok());

  const auto lines = test::result_lines(app_.options.json);
  ASSERT_EQ(lines.size(), size_t(frames));
  for (int n = 0; n < frames; ++n) {
    ASSERT_TRUE(lines[n]["params"].is_object()) << n << ": they changed before each frame";
    EXPECT_DOUBLE_EQ(lines[n]["params"].value("track.high_score", 0.5), high(n)) << n;
    EXPECT_DOUBLE_EQ(lines[n]["params"].value("track.low_score", 0.1), kSum - high(n)) << n;
  }

  recorder.reset();  // waits for the one that is being written
  ASSERT_FALSE(moments.empty());
  for (const auto& folder : moments) {
    const auto moment = record::Session::open(folder);
    ASSERT_TRUE(moment.ok()) << moment.error().message;
    for (size_t n = 0; n < moment->frames().size(); ++n) {
      const auto params = moment->params_at(n);
      const double told_high = std::get<double>(params.at("track.high_score"));
      EXPECT_DOUBLE_EQ(told_high, high(int(moment->frame(n).id))) << n;
      EXPECT_DOUBLE_EQ(std::get<double>(params.at("track.low_score")), kSum - told_high) << n;
    }
  }
}

}  // namespace
}  // namespace tarsier::app
