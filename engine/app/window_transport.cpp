#include "app/window_transport.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tarsier::app {
namespace {

constexpr std::array<double, 8> kSpeeds{0.1, 0.25, 0.5, 1, 2, 4, 8, capture::Mailbox::kUnpaced};
constexpr double kSkip_s = 5;
constexpr int64_t kToTheEnd = int64_t{1} << 40;  // frames; a step stops at the last one
constexpr auto kTold = std::chrono::seconds(4);

}  // namespace

WindowTransport::WindowTransport(Application& app)
    : mailbox_(*app.mailbox), can_seek_(mailbox_.transport().can_seek) {}

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

void WindowTransport::step(int64_t frames) {
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

void WindowTransport::handle(const overlay::TransportEvents& events) {
  if (events.toggle_pause || events.step != 0 || events.skip != 0 || events.last) aim_.reset();
  if (events.toggle_pause) toggle_pause();
  if (events.step != 0) step(events.step);
  if (!can_seek_) return;
  if (events.skip != 0) skip(kSkip_s * events.skip);
  if (events.faster != 0) faster(events.faster);
  if (events.seek) go_to(*events.seek);
  if (events.first) go_to(0);
  if (events.last && mailbox_.info().frames > 0) step(kToTheEnd);
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

uint64_t WindowTransport::position() const {
  const auto now = mailbox_.transport();
  return now.seeking ? aim_.value_or(now.position) : now.position;
}

void WindowTransport::go_to(const Result<uint64_t>& frame) {
  if (!frame.ok()) return note(frame.error());
  aim_ = *frame;
  note(mailbox_.seek(*frame));
}

std::optional<overlay::TransportView> WindowTransport::view() const {
  if (!can_seek_) return std::nullopt;
  auto now = mailbox_.transport();
  // Until somebody seeks, the container's word for it: counting may take as long as decoding it all.
  if (const auto& info = mailbox_.info(); !now.frames && info.frames > 0) {
    now.frames = uint64_t(info.frames);
    now.last_s = info.fps > 0 ? double(info.frames - 1) / info.fps : 0;
  }
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
