#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include "capture/mailbox.hpp"
#include "support/clips.hpp"
#include "support/eventually.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::capture {
namespace {

using namespace std::chrono_literals;
using State = Mailbox::State;
using test::eventually;

/// A source whose script a test writes: so many frames, so often, then an end or a failure.
class ScriptedSource final : public FrameSource {
 public:
  struct Script {
    uint64_t frames = 10;
    Clock::duration interval{};  // between frames of a live source
    bool held = false;           // a frame comes when the test lets it
    bool live = false;
    bool fails = false;  // at the end
    double fps = 100;
  };
  explicit ScriptedSource(const Script& script) : script_(script) {
    info_ = {
        .name = "scripted", .kind = "test", .width = 2, .height = 2, .fps = script.fps, .live = script.live};
  }
  [[nodiscard]] const SourceInfo& info() const override { return info_; }
  Result<std::optional<Frame>> next() override {
    if (id_ >= script_.frames) {
      if (script_.fails) return runtime_error("scripted: unplugged");
      return std::optional<Frame>();
    }
    if (script_.interval > Clock::duration{}) std::this_thread::sleep_for(script_.interval);
    while (script_.held && id_ >= allowed) std::this_thread::sleep_for(1ms);
    Frame frame;
    frame.id = id_++;
    frame.captured = Clock::now();
    frame.time_s = double(frame.id) / script_.fps;
    frame.width = frame.height = 2;
    frame.bgra = std::make_shared<std::vector<uint8_t>>(16);
    produced = id_;
    return std::optional<Frame>(std::move(frame));
  }
  [[nodiscard]] uint64_t decode_failures() const override { return 3; }
  static inline std::atomic<uint64_t> produced = 0, allowed = 0;

 private:
  Script script_;
  SourceInfo info_;
  uint64_t id_ = 0;
};

std::unique_ptr<FrameSource> scripted(const ScriptedSource::Script& script) {
  ScriptedSource::produced = ScriptedSource::allowed = 0;
  return std::make_unique<ScriptedSource>(script);
}

Policy policy(const char* text) {
  auto parsed = parse_policy(text);
  EXPECT_TRUE(parsed.ok());
  return parsed.ok() ? *parsed : Policy{};
}

std::vector<uint64_t> drain(Mailbox& box, State* last = nullptr) {
  std::vector<uint64_t> ids;
  while (true) {
    const auto letter = box.take();
    if (letter.state != State::kFrame) {
      if (last != nullptr) *last = letter.state;
      return ids;
    }
    ids.push_back(letter.frame.id);
  }
}

TEST(Policy, ParsesAndPrintsTheThreeKinds) {
  EXPECT_EQ(policy("latest").kind, Policy::Kind::kLatest);
  EXPECT_EQ(policy("all").kind, Policy::Kind::kAll);
  EXPECT_EQ(policy("stride:12").stride, 12U);
  for (const char* text : {"latest", "all", "stride:7"}) EXPECT_EQ(to_string(policy(text)), text);
  for (const char* bad :
       {"", "every", "stride", "stride:", "stride:0", "stride:-1", "stride:2x", "stride:1.5"}) {
    const auto result = parse_policy(bad);
    ASSERT_FALSE(result.ok()) << bad;
    EXPECT_EQ(result.error().exit_code(), 2);
  }
  EXPECT_NE(parse_policy("lates").error().message.find("did you mean 'latest'"), std::string::npos);
}

TEST(Policy, DefaultsFollowTheSource) {
  EXPECT_EQ(to_string(default_policy({.live = true}, false)), "latest");
  EXPECT_EQ(to_string(default_policy({.live = false}, true)), "latest");
  EXPECT_EQ(to_string(default_policy({.live = false}, false)), "all");
}

TEST(MailboxAll, GivesEveryFrameInOrderWithBoundedDecodingAhead) {
  Mailbox box(scripted({.frames = 50}), {.policy = policy("all"), .ahead = 2});
  for (uint64_t i = 0; i < 50; ++i) {
    const auto letter = box.take();
    ASSERT_EQ(letter.state, State::kFrame);
    EXPECT_EQ(letter.frame.id, i);
    if (i % 10 == 0) std::this_thread::sleep_for(5ms);
    EXPECT_LE(ScriptedSource::produced, i + 4);  // taken + 2 queued + 1 in hand
  }
  EXPECT_EQ(box.take().state, State::kEnd);
  EXPECT_EQ(box.delivered(), 50U);
  EXPECT_EQ(box.drops().policy + box.drops().late + box.drops().paused, 0U);
  EXPECT_EQ(box.drops().decode, 3U);
}

TEST(MailboxAll, DecodesAheadWhileTheReaderIsBusy) {
  Mailbox box(scripted({.frames = 9}), {.policy = policy("all"), .ahead = 2});
  ASSERT_EQ(box.take().state, State::kFrame);
  EXPECT_TRUE(eventually([] { return ScriptedSource::produced >= 3; })) << "two more, though nobody asked";
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(eventually([&] { return box.poll().state == State::kFrame; }));
}

TEST(MailboxAll, ARecordingsFrameIsCapturedWhenAskedFor) {
  Mailbox box(scripted({.frames = 3}), {.policy = policy("all")});
  EXPECT_TRUE(eventually([] { return ScriptedSource::produced > 0; }));
  const auto asked = Clock::now();
  EXPECT_GE(box.take().frame.captured, asked);  // the time that it waited decoded is no latency
}

TEST(MailboxStride, LeavesOutAndCounts) {
  Mailbox box(scripted({.frames = 10}), {.policy = policy("stride:3")});
  EXPECT_EQ(drain(box), (std::vector<uint64_t>{0, 3, 6, 9}));
  EXPECT_EQ(box.drops().policy, 6U);
}

TEST(MailboxLatest, ASlowReaderGetsTheNewestAndTheOthersAreLate) {
  Mailbox box(scripted({.frames = 30, .held = true, .live = true, .fails = true}),
              {.policy = policy("latest")});
  for (const uint64_t come : {1U, 5U, 6U, 30U}) {
    const uint64_t late = come - ScriptedSource::allowed - 1;
    const uint64_t before = box.drops().late;
    ScriptedSource::allowed = come;
    // The newest one has come when all others are late.
    EXPECT_TRUE(eventually([&] { return ScriptedSource::produced == come; }));
    EXPECT_TRUE(eventually([&] { return box.drops().late == before + late; }));
    const auto letter = box.take();
    EXPECT_EQ(letter.state, State::kFrame);
    EXPECT_EQ(letter.frame.id, come - 1) << "not the newest";
  }
  const auto last = box.take();
  EXPECT_EQ(last.state, State::kFailed);
  EXPECT_EQ(last.error.message, "scripted: unplugged");
  EXPECT_EQ(box.drops().late, 26U);
}

TEST(MailboxPaced, ARecordingPlaysInRealTime) {
  const auto begin = Clock::now();  // the box starts to play at once
  Mailbox box(scripted({.frames = 11, .fps = 50}), {.policy = policy("all"), .paced = true});
  EXPECT_EQ(drain(box).size(), 11U);
  EXPECT_GE(Clock::now() - begin, 195ms);  // ten intervals of 20 ms
}

TEST(MailboxPaced, LatestImpliesIt) {
  const auto begin = Clock::now();  // the box starts to play at once
  Mailbox box(scripted({.frames = 6, .fps = 50}), {.policy = policy("latest"), .paced = false});
  const auto ids = drain(box);
  EXPECT_GE(Clock::now() - begin, 95ms);
  EXPECT_EQ(ids.size() + box.drops().late, 6U);
}

TEST(MailboxPaced, FallingBehindSlowsThePlaybackInsteadOfRushing) {
  Mailbox box(scripted({.frames = 6, .fps = 50}), {.policy = policy("all"), .paced = true, .ahead = 1});
  ASSERT_EQ(box.take().state, State::kFrame);
  std::this_thread::sleep_for(400ms);
  const auto begin = Clock::now();
  EXPECT_EQ(drain(box).size(), 5U);
  EXPECT_GE(Clock::now() - begin, 35ms);  // the last ones keep their distance
}

TEST(MailboxPause, ARecordingStandsStillAndStepsOneFrame) {
  for (const char* text : {"all", "latest"}) {
    Mailbox box(scripted({.frames = 1000, .fps = 200}), {.policy = policy(text), .paced = true});
    ASSERT_EQ(box.take().state, State::kFrame);
    box.pause(true);
    EXPECT_TRUE(box.paused());
    std::this_thread::sleep_for(30ms);
    EXPECT_EQ(box.poll().state, State::kWaiting);
    (void)box.step();
    const auto stepped = box.take();
    EXPECT_EQ(stepped.state, State::kFrame);
    EXPECT_EQ(box.poll().state, State::kWaiting);
    (void)box.step();
    const auto again = box.take();
    ASSERT_EQ(again.state, State::kFrame);
    EXPECT_EQ(again.frame.id, stepped.frame.id + 1) << text;
    std::this_thread::sleep_for(30ms);
    EXPECT_EQ(box.poll().state, State::kWaiting);
    box.pause(false);
    const auto resumed = box.take();
    ASSERT_EQ(resumed.state, State::kFrame);
    EXPECT_GE(resumed.frame.id, again.frame.id + 1) << text;
    EXPECT_LE(resumed.frame.id, again.frame.id + 1 + box.drops().late) << text;
    EXPECT_EQ(box.drops().paused, 0U);
  }
}

TEST(MailboxPause, ALiveSourceGoesOnAndItsFramesAreCounted) {
  Mailbox box(scripted({.frames = 100000, .interval = 2ms, .live = true}), {.policy = policy("latest")});
  ASSERT_EQ(box.take().state, State::kFrame);
  box.pause(true);
  EXPECT_TRUE(eventually([&] { return box.drops().paused > 3; }));
  EXPECT_EQ(box.poll().state, State::kWaiting);
  const auto paused = Clock::now();
  EXPECT_TRUE(eventually([&, before = box.drops().paused] { return box.drops().paused > before + 1; }));
  box.pause(false);
  const auto letter = box.take();
  ASSERT_EQ(letter.state, State::kFrame);
  EXPECT_GT(letter.frame.captured, paused) << "one from before the pause";
}

TEST(MailboxStop, WakesAWaitingReaderAndJoinsWithAFullQueue) {
  Mailbox idle(scripted({.frames = 1000, .fps = 0.01}), {.policy = policy("all"), .paced = true});
  ASSERT_EQ(idle.take().state, State::kFrame);
  std::thread stopper([&] {
    std::this_thread::sleep_for(20ms);
    idle.stop();
  });
  EXPECT_EQ(idle.take().state, State::kEnd);
  stopper.join();
  for (const char* text : {"all", "latest", "stride:2"}) {
    for (const bool live : {false, true}) {
      const auto begin = Clock::now();
      {
        Mailbox box(scripted({.frames = 1000000, .interval = live ? 1ms : 0ms, .live = live}),
                    {.policy = policy(text)});
        std::this_thread::sleep_for(5ms);
        box.pause(true);
      }
      EXPECT_LT(Clock::now() - begin, 30s);  // to its end it would take far longer
    }
  }
}

TEST(MailboxThreads, ReadersControlAndStatisticsAtTheSameTime) {
  Mailbox box(scripted({.frames = 3000, .interval = 0ms}), {.policy = policy("all")});
  std::atomic<bool> done = false;
  std::thread watcher([&] {
    while (!done) {
      (void)box.drops();
      box.pause(true);
      (void)box.step();
      (void)box.delivered();
      box.pause(false);
      std::this_thread::yield();
    }
  });
  const auto ids = drain(box);
  done = true;
  watcher.join();
  ASSERT_EQ(ids.size(), 3000U);
  for (size_t i = 0; i < ids.size(); ++i) ASSERT_EQ(ids[i], i);
}

TEST(MailboxFile, PlaysAClipToItsEnd) {
  const test::TempFolder folder;
  test::write_clip(folder / "clip.mp4", 9);
  auto source = open_source((folder / "clip.mp4").string());
  ASSERT_TRUE(source.ok());
  Mailbox box(std::move(*source), {.policy = policy("all")});
  State last = State::kFrame;
  EXPECT_EQ(drain(box, &last).size(), 9U);
  EXPECT_EQ(last, State::kEnd);
}

}  // namespace
}  // namespace tarsier::capture
