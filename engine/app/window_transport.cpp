#include "app/window_transport.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tarsier::app {
namespace {

constexpr std::array<double, 8> kSpeeds{0.1, 0.25, 0.5, 1, 2, 4, 8, capture::Mailbox::kUnpaced};
constexpr double kSkip_s = 5;
constexpr auto kTold = std::chrono::seconds(4);

}  // namespace

WindowTransport::WindowTransport(Application& app)
    : mailbox_(*app.mailbox), can_seek_(mailbox_.transport().can_seek) {
  if (can_seek_) mailbox_.count_frames();
}

void WindowTransport::note(const Status& status) {
  if (status.ok()) return;
  refused_ = status.error().message;
  refused_at_ = capture::Clock::now();
}

void WindowTransport::toggle_pause() {
  const auto now = mailbox_.transport();
  if (now.ended && can_seek_) {
    note(mailbox_.seek(now.loop ? now.loop->first : 0));
    paused_ = false;
  } else {
    paused_ = !paused_;
  }
  mailbox_.pause(paused_);
}

void WindowTransport::step(int frames) {
  if (!can_seek_ && (frames < 0 || !paused_)) return;  // a camera shows one frame more while paused
  paused_ = true;
  mailbox_.pause(true);
  note(mailbox_.step(frames));
}

void WindowTransport::skip(double seconds) {
  const auto now = mailbox_.transport();
  const double last = now.frames ? now.last_s : now.time_s + std::abs(seconds);
  note(mailbox_.seek_time(std::clamp(now.time_s + seconds, 0.0, std::max(last, 0.0))));
}

void WindowTransport::faster(int steps) {
  const double speed = mailbox_.transport().speed;
  const auto at = std::ranges::find(kSpeeds, speed) - kSpeeds.begin();
  const auto next = std::clamp<std::ptrdiff_t>(at + steps, 0, std::ptrdiff_t(kSpeeds.size()) - 1);
  note(mailbox_.set_speed(kSpeeds[size_t(next)]));
}

void WindowTransport::mark_end() {
  const auto now = mailbox_.transport();
  const uint64_t first = mark_.value_or(now.loop ? now.loop->first : 0);
  note(mailbox_.loop_between(std::min(first, now.position), std::max(first, now.position)));
  mark_.reset();
}

void WindowTransport::keys(const window::TransportKeys& keys) {
  if (keys.step != 0) step(keys.step);
  if (!can_seek_) return;
  if (keys.skip != 0) skip(kSkip_s * keys.skip);
  if (keys.first) note(mailbox_.seek(0));
  if (const auto frames = mailbox_.transport().frames; keys.last && frames.value_or(0) > 0)
    note(mailbox_.seek(*frames - 1));
  handle({.toggle_pause = false,
          .step = 0,
          .faster = keys.faster,
          .mark_start = keys.mark_start,
          .mark_end = keys.mark_end,
          .no_loop = keys.no_loop,
          .seek = {}});
}

void WindowTransport::handle(const overlay::TransportEvents& events) {
  if (events.toggle_pause) toggle_pause();
  if (events.step != 0) step(events.step);
  if (events.faster != 0) faster(events.faster);
  if (events.seek) note(mailbox_.seek(*events.seek));
  if (events.mark_start) {
    mailbox_.loop_all();
    mark_ = mailbox_.transport().position;
  }
  if (events.mark_end) mark_end();
  if (events.no_loop) {
    mailbox_.loop_all();
    mark_.reset();
  }
}

std::optional<overlay::TransportView> WindowTransport::view() const {
  if (!can_seek_) return std::nullopt;
  const auto now = mailbox_.transport();
  return overlay::TransportView{.position = now.position,
                                .frames = now.frames,
                                .time_s = now.time_s,
                                .last_s = now.last_s,
                                .speed = now.speed,
                                .paused = paused_ || now.ended,
                                .seeking = now.seeking,
                                .mark = mark_,
                                .loop = now.loop};
}

std::string WindowTransport::message() {
  if (const auto refusal = mailbox_.take_refusal()) note(*refusal);
  if (!refused_.empty() && capture::Clock::now() < refused_at_ + kTold) return refused_;
  if (mailbox_.transport().ended) return "the recording is over: Space plays it again, Q quits";
  return "";
}

}  // namespace tarsier::app
