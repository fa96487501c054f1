// The mailbox as the transport of a recording.
#include <atomic>
#include <cmath>
#include <gtest/gtest.h>
#include <thread>

#include "capture/mailbox.hpp"
#include "support/clips.hpp"
#include "support/own_cache.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::capture {
namespace {

using namespace std::chrono_literals;
using State = Mailbox::State;

/// A clip that can be sought in, of frames whose only content is their number; `slow` to decode. From `cut`
/// on it was filmed 20 s later.
class Tape final : public FrameSource {
 public:
  explicit Tape(uint64_t frames, double fps = 100, Clock::duration slow = {}, uint64_t cut = ~uint64_t(0))
      : frames_(frames), cut_(cut), slow_(slow) {
    info_ = {.name = "tape", .kind = "test", .width = 2, .height = 2, .fps = fps};
  }
  [[nodiscard]] const SourceInfo& info() const override { return info_; }
  Result<std::optional<Frame>> next() override {
    if (slow_ > Clock::duration{}) std::this_thread::sleep_for(slow_);
    if (next_ >= frames_) return std::optional<Frame>();
    Frame frame;
    frame.id = frame.position = next_++;
    frame.captured = Clock::now();
    frame.time_s = double(frame.id) / info_.fps + (frame.id < cut_ ? 0 : 20);
    frame.jumps = frame.id == cut_;
    frame.width = frame.height = 2;
    frame.bgra = std::make_shared<std::vector<uint8_t>>(16);
    return std::optional<Frame>(std::move(frame));
  }
  [[nodiscard]] bool can_seek() const override { return true; }
  Result<std::optional<uint64_t>> count() override { return std::optional(frames_); }
  Status seek(uint64_t position) override {
    if (position >= frames_) return outside(position, frames_);
    next_ = position;
    return {};
  }
  Result<uint64_t> position_at(double time_s) override {
    const auto position = uint64_t(time_s * info_.fps + 0.5);
    if (!(time_s >= 0) || position >= frames_) return outside(time_s, double(frames_ - 1) / info_.fps);
    return position;
  }
  Result<double> time_of(uint64_t position) override { return double(position) / info_.fps; }

 private:
  uint64_t frames_, cut_, next_ = 0;
  Clock::duration slow_;
  SourceInfo info_;
};

MailboxOptions options(const char* policy, bool paced) {
  return {.policy = *parse_policy(policy), .paced = paced};
}

uint64_t taken(Mailbox& box) {
  const auto letter = box.take();
  EXPECT_EQ(letter.state, State::kFrame);
  return letter.state == State::kFrame ? letter.frame.id : ~uint64_t(0);
}

bool nothing_comes(Mailbox& box) {
  std::this_thread::sleep_for(25ms);
  return box.poll().state == State::kWaiting;
}

class TransportOf : public ::testing::TestWithParam<std::pair<const char*, bool>> {
 protected:
  MailboxOptions how() const { return options(GetParam().first, GetParam().second); }
};

TEST_P(TransportOf, ASeekWhilePlayingIsFollowedByThatFrameAlone) {
  Mailbox box(std::make_unique<Tape>(1000, 500), how());
  taken(box);
  for (const uint64_t target : {700U, 3U, 999U, 0U, 512U, 512U}) {
    std::this_thread::sleep_for(5ms);
    const auto begin = Clock::now();
    const uint64_t late = box.drops().late;
    ASSERT_TRUE(box.seek(target).ok());
    EXPECT_EQ(taken(box), target);
    EXPECT_EQ(box.transport().position, target);
    // The tape plays on meanwhile, and up to a tenth of a second is caught up with.
    const double played_s = std::chrono::duration<double>(Clock::now() - begin).count() + 0.1;
    EXPECT_LE(double(box.drops().late - late), 500 * played_s + 1) << "what a seek leaves out is not late";
  }
  EXPECT_GT(taken(box), 512U);  // goes on from there
}

TEST_P(TransportOf, NobodyWaitsOverAJump) {
  Mailbox box(std::make_unique<Tape>(40, 100, Clock::duration(), 10), how());
  const auto begin = Clock::now();
  uint64_t last = taken(box);
  while (last < 10) last = taken(box);
  EXPECT_LT(Clock::now() - begin, 10s);
  EXPECT_GE(box.transport().time_s, 20);
  while (last < 39) last = taken(box);
  if (GetParam().second) {
    EXPECT_GT(Clock::now() - begin, 300ms) << "behind it frames keep their times";
  }
}

TEST_P(TransportOf, StepsWhilePausedGoBothWaysAndAddUp) {
  Mailbox box(std::make_unique<Tape>(100, 500), how());
  box.pause(true);
  ASSERT_TRUE(box.seek(50).ok());
  EXPECT_EQ(taken(box), 50U);
  EXPECT_TRUE(nothing_comes(box));
  ASSERT_TRUE(box.step(-1).ok());
  EXPECT_EQ(taken(box), 49U);
  ASSERT_TRUE(box.step().ok());
  EXPECT_EQ(taken(box), 50U);
  ASSERT_TRUE(box.step().ok());
  EXPECT_EQ(taken(box), 51U);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(box.step(-10).ok());  // faster than they are carried out
  uint64_t at = taken(box);
  while (at != 21) {
    ASSERT_GT(at, 21U);
    at = taken(box);
  }
  ASSERT_TRUE(box.step(5).ok());
  EXPECT_EQ(taken(box), 26U);
  ASSERT_TRUE(box.step(-1000).ok());
  EXPECT_EQ(taken(box), 0U);
  ASSERT_TRUE(box.step(1000).ok());
  EXPECT_EQ(taken(box), 99U);
  ASSERT_TRUE(box.step().ok());
  EXPECT_TRUE(nothing_comes(box)) << "a paused clip does not end";
  ASSERT_TRUE(box.step(-1).ok());
  EXPECT_EQ(taken(box), 98U);
  EXPECT_EQ(box.drops().total(), 0U);
  EXPECT_FALSE(box.take_refusal().has_value());
}

TEST_P(TransportOf, ALoopPlaysItsFramesAgainAndAgainUntilItIsCleared) {
  Mailbox box(std::make_unique<Tape>(60, 500), how());
  taken(box);
  ASSERT_TRUE(box.loop_between(10, 14).ok());
  ASSERT_TRUE(box.seek(12).ok());
  uint64_t last = taken(box);
  EXPECT_EQ(last, 12U);
  int rounds = 0;
  for (int i = 0; i < 40; ++i) {
    const uint64_t id = taken(box);
    ASSERT_GE(id, 10U);
    ASSERT_LE(id, 14U);
    rounds += id <= last ? 1 : 0;
    last = id;
  }
  EXPECT_GE(rounds, 5);
  EXPECT_EQ(box.transport().loop, (std::pair<uint64_t, uint64_t>(10, 14)));
  ASSERT_TRUE(box.seek(40).ok());  // outside: shown once, then the loop goes on
  EXPECT_EQ(taken(box), 40U);
  EXPECT_LE(taken(box), 14U);  // under `latest` the first ones may be late
  box.loop_all();
  while (last < 59) {
    const auto letter = box.take();
    if (letter.state != State::kFrame) break;
    last = letter.frame.id;
  }
  EXPECT_GT(last, 40U);
  while (box.take().state == State::kFrame) continue;
  EXPECT_TRUE(box.transport().ended);
}

TEST_P(TransportOf, BehindTheEndASeekBringsItBack) {
  Mailbox box(std::make_unique<Tape>(10, 500), how());
  while (box.take().state == State::kFrame) continue;
  ASSERT_EQ(box.poll().state, State::kEnd);
  ASSERT_TRUE(box.seek(7).ok());
  EXPECT_EQ(taken(box), 7U);
  EXPECT_FALSE(box.transport().ended);
  while (box.take().state == State::kFrame) continue;
  ASSERT_TRUE(box.loop_between(8, 9).ok());
  for (int i = 0; i < 5; ++i) EXPECT_GE(taken(box), 8U);  // under `latest` some may be late
}

TEST_P(TransportOf, RequestsOutsideOfTheClipAreRefusedAndItGoesOn) {
  Mailbox box(std::make_unique<Tape>(100, 500), how());
  EXPECT_LT(taken(box), 100U);  // under `latest` some may be late
  box.pause(true);
  ASSERT_TRUE(box.seek_time(7.5).ok());  // the thread finds out
  while (box.transport().seeking) std::this_thread::sleep_for(1ms);
  const auto refusal = box.take_refusal();
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->message, "tape: has no frame at 7.500 s; it lasts from 0 to 0.198 s");
  EXPECT_FALSE(box.take_refusal().has_value());
  EXPECT_TRUE(nothing_comes(box));
  box.count_frames();
  while (!box.transport().frames) std::this_thread::sleep_for(1ms);
  const Status at_once = box.seek(100);
  ASSERT_FALSE(at_once.ok());
  EXPECT_EQ(at_once.error().message, "tape: has no frame 100; its frames are 0 to 99");
  EXPECT_FALSE(box.loop_between(5, 100).ok());
  EXPECT_FALSE(box.loop_between(5, 4).ok());
  for (const double speed : {-1.0, 0.05, 9.0, double(NAN)}) EXPECT_FALSE(box.set_speed(speed).ok());
  box.pause(false);
  EXPECT_GE(taken(box), 1U);  // under `latest` some may be late
  ASSERT_TRUE(box.seek_time(0.1).ok());
  EXPECT_EQ(taken(box), 50U);
}

INSTANTIATE_TEST_SUITE_P(Policies, TransportOf,
                         ::testing::Values(std::pair("all", false), std::pair("all", true),
                                           std::pair("latest", true)),
                         [](const auto& how) {
                           return std::string(how.param.first) + (how.param.second ? "Paced" : "Unpaced");
                         });

TEST(TransportSpeed, StretchesTimeAndUnpacedGivesEveryFrame) {
  Mailbox box(std::make_unique<Tape>(100000, 100), options("latest", true));
  const auto time_for = [&](double speed, uint64_t frames) {
    EXPECT_TRUE(box.set_speed(speed).ok());
    EXPECT_TRUE(box.seek(10).ok());
    EXPECT_EQ(taken(box), 10U);
    const auto begin = Clock::now();
    while (taken(box) < 10 + frames) continue;
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  EXPECT_GT(time_for(0.5, 10), 0.17);
  double fast = time_for(4, 80);
  EXPECT_GT(fast, 0.17);
  // As it was filmed it would take 0.8 s. The machine may be busy with other things, but not always.
  for (int i = 0; fast > 0.7 && i < 50; ++i) fast = time_for(4, 80);
  EXPECT_LT(fast, 0.7);
  ASSERT_TRUE(box.set_speed(Mailbox::kUnpaced).ok());
  ASSERT_TRUE(box.seek(10).ok());
  const auto begin = Clock::now();
  for (uint64_t id = 10; id < 10010; ++id) ASSERT_EQ(taken(box), id);  // none is left out
  EXPECT_LT(Clock::now() - begin, 50s);                                // 100 s of film
}

TEST(TransportSpeed, AStrideDoesNotHideTheFrameThatIsSought) {
  Mailbox box(std::make_unique<Tape>(100), options("stride:10", false));
  EXPECT_EQ(taken(box), 0U);
  ASSERT_TRUE(box.seek(33).ok());
  EXPECT_EQ(taken(box), 33U);
  EXPECT_EQ(taken(box), 40U);
}

TEST(TransportOfOthers, WhatCannotSeekSaysSo) {
  class Live final : public FrameSource {
   public:
    [[nodiscard]] const SourceInfo& info() const override { return info_; }
    Result<std::optional<Frame>> next() override {
      std::this_thread::sleep_for(1ms);
      Frame frame;
      frame.id = frame.position = next_++;
      frame.captured = Clock::now();
      return std::optional<Frame>(frame);
    }

   private:
    SourceInfo info_ = {.name = "0", .kind = "camera", .width = 2, .height = 2, .live = true};
    uint64_t next_ = 0;
  };
  Mailbox box(std::make_unique<Live>(), options("latest", true));
  box.pause(true);
  for (const Status& refused : {box.seek(1), box.seek_time(1), box.step(-1), box.loop_between(0, 1)}) {
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().message,
              "0: a live camera cannot be sought in; only video files, image folders and 'synthetic' can");
  }
  EXPECT_FALSE(box.set_speed(2).ok());
  EXPECT_TRUE(box.step().ok());
  EXPECT_EQ(box.take().state, State::kFrame);
  EXPECT_FALSE(box.transport().can_seek);
}

TEST(TransportThreads, EveryRequestFromAnotherThreadWhileFramesAreTaken) {
  Mailbox box(std::make_unique<Tape>(500, 2000), options("latest", true));
  std::atomic<bool> done = false;
  std::thread other([&] {
    for (uint64_t i = 0; i < 400; ++i) {
      (void)box.seek(i * 7 % 500);
      (void)box.seek_time(0.1);
      box.pause(i % 3 == 0);
      (void)box.step(i % 2 == 0 ? -3 : 2);
      (void)box.set_speed(i % 5 == 0 ? 0 : 8);
      (void)box.loop_between(i % 100, i % 100 + 50);
      if (i % 4 == 0) box.loop_all();
      box.count_frames();
      (void)box.transport();
      (void)box.take_refusal();
      std::this_thread::yield();
    }
    box.pause(false);
    done = true;
  });
  uint64_t frames = 0;
  // The other thread may be through before the first frame is there; then it comes now.
  const auto end = Clock::now() + 10s;
  while (!done || (frames == 0 && Clock::now() < end)) frames += box.poll().state == State::kFrame ? 1 : 0;
  other.join();
  EXPECT_GT(frames, 0U);
  ASSERT_TRUE(box.seek(250).ok());
  EXPECT_EQ(taken(box), 250U);
}

TEST(TransportStop, DoesNotWaitForASlowSource) {
  const auto begin = Clock::now();
  {
    Mailbox box(std::make_unique<Tape>(1000, 100, 100ms), options("latest", true));
    ASSERT_TRUE(box.seek(90).ok());
    box.pause(true);
  }
  EXPECT_LT(Clock::now() - begin, 30s);  // its 1,000 frames would take 100 s
}

TEST(TransportFile, SeeksStepsAndLoopsInAClip) {
  const test::OwnCache cache;
  const test::TempFolder folder;
  test::write_clip(folder / "clip.mp4", 16);
  auto source = open_source((folder / "clip.mp4").string());
  ASSERT_TRUE(source.ok());
  Mailbox box(*std::move(source), options("all", true));
  box.pause(true);
  for (const uint64_t target : {9U, 2U, 15U, 0U}) {
    ASSERT_TRUE(box.seek(target).ok());
    const auto letter = box.take();
    ASSERT_EQ(letter.state, State::kFrame);
    EXPECT_EQ(letter.frame.id, target);
    EXPECT_NEAR(test::measured_level(letter.frame), test::level_of(target), 3);
  }
  EXPECT_EQ(box.transport().frames, 16U);
  EXPECT_NEAR(box.transport().last_s, 0.75, 0.011);
}

}  // namespace
}  // namespace tarsier::capture
