#include "capture/mailbox.hpp"

#include <array>
#include <charconv>

#include "core/text.hpp"

namespace tarsier::capture {
namespace {

/// A clip that fell further behind than this goes on from where it is instead of rushing to catch up.
constexpr auto kLag = std::chrono::milliseconds(100);

Clock::duration seconds(double value) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
}

/// Only the newest frame of a recording that runs ahead unpaced would be an arbitrary choice of frames, so
/// `latest` implies real time.
MailboxOptions completed(MailboxOptions options, const SourceInfo& info) {
  options.paced = !info.live && (options.paced || options.policy.kind == Policy::Kind::kLatest);
  options.ahead = std::max<size_t>(1, options.ahead);
  if (options.policy.kind != Policy::Kind::kStride) options.policy.stride = 1;
  return options;
}

}  // namespace

Result<Policy> parse_policy(std::string_view text) {
  if (text == "latest") return Policy{Policy::Kind::kLatest, 1};
  if (text == "all") return Policy{Policy::Kind::kAll, 1};
  static constexpr std::string_view kStride = "stride:";
  if (text.starts_with(kStride)) {
    const std::string_view number = text.substr(kStride.size());
    uint32_t stride = 0;
    const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), stride);
    if (code == std::errc() && end == number.data() + number.size() && stride >= 1) {
      return Policy{Policy::Kind::kStride, stride};
    }
    return input_error("policy '{}': the stride must be a whole number of at least 1, e.g. stride:2", text);
  }
  static const std::array<std::string, 3> known = {"latest", "all", "stride:2"};
  return input_error("policy '{}' is not known{}; use latest, all or stride:N", text,
                     did_you_mean(text, known));
}

std::string to_string(const Policy& policy) {
  switch (policy.kind) {
    case Policy::Kind::kLatest:
      return "latest";
    case Policy::Kind::kAll:
      return "all";
    case Policy::Kind::kStride:
      break;
  }
  return fmt::format("stride:{}", policy.stride);
}

Policy default_policy(const SourceInfo& info, bool paced) {
  return {info.live || paced ? Policy::Kind::kLatest : Policy::Kind::kAll, 1};
}

Mailbox::Mailbox(std::unique_ptr<FrameSource> source, const MailboxOptions& options)
    : source_(std::move(source)), info_(source_->info()), options_(completed(options, info_)) {
  thread_ = std::thread([this] { run(); });
}

Mailbox::~Mailbox() {
  stop();
  thread_.join();
}

void Mailbox::run() {
  while (true) {
    auto next = source_->next();  // decodes: never under the lock
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    if (!next.ok() || !next->has_value()) {
      if (!next.ok()) failure_ = std::make_unique<Error>(next.error());
      ended_ = true;
      for_reader_.notify_all();
      return;
    }
    Frame frame = std::move(**next);
    if (frame.id % options_.policy.stride != 0) {
      ++drops_.policy;
      continue;
    }
    if (info_.live && paused_ && steps_ == 0) {
      ++drops_.paused;
      continue;
    }
    if (options_.paced) {
      if (!wait_until_due(lock, frame)) return;
      frame.captured = Clock::now();
    }
    if (!push(lock, std::move(frame))) return;
  }
}

/// Returns false when stopping.
bool Mailbox::wait_until_due(std::unique_lock<std::mutex>& lock, const Frame& frame) {
  while (!stopping_) {
    if (paused_) {
      epoch_set_ = false;  // time stands still: the next frame after the pause is due at once
      if (steps_ > 0 && queue_.empty()) return true;
      for_source_.wait(lock);
      continue;
    }
    const auto now = Clock::now();
    if (!epoch_set_ || now > epoch_ + seconds(frame.time_s) + kLag) {
      epoch_ = now - seconds(frame.time_s);
      epoch_set_ = true;
    }
    const auto due = epoch_ + seconds(frame.time_s);
    if (now >= due) return true;
    for_source_.wait_until(lock, due);
  }
  return false;
}

/// Returns false when stopping.
bool Mailbox::push(std::unique_lock<std::mutex>& lock, Frame frame) {
  if (options_.policy.kind == Policy::Kind::kLatest) {
    drops_.late += queue_.size();
    queue_.clear();
  } else {
    for_source_.wait(lock, [&] { return stopping_ || queue_.size() < options_.ahead; });
    if (stopping_) return false;
  }
  queue_.push_back(std::move(frame));
  for_reader_.notify_all();
  return true;
}

Mailbox::Letter Mailbox::collect(std::unique_lock<std::mutex>& /*lock*/) {
  Letter letter;
  if (stopping_) {
    letter.state = State::kEnd;
    return letter;
  }
  const bool held = paused_ && steps_ == 0;
  if (!queue_.empty() && !held) {
    letter.state = State::kFrame;
    letter.frame = std::move(queue_.front());
    queue_.pop_front();
    if (paused_) --steps_;
    // A recording that runs as fast as possible has no clock of its own: its frame is "captured" when asked
    // for, or the decoding ahead would count as latency.
    if (!info_.live && !options_.paced) letter.frame.captured = Clock::now();
    ++delivered_;
    for_source_.notify_all();
  } else if (queue_.empty() && failure_) {
    letter.state = State::kFailed;
    letter.error = *failure_;
  } else if (queue_.empty() && ended_) {
    letter.state = State::kEnd;
  }
  return letter;
}

Mailbox::Letter Mailbox::poll() {
  std::unique_lock lock(mutex_);
  return collect(lock);
}

Mailbox::Letter Mailbox::take() {
  std::unique_lock lock(mutex_);
  Letter letter;
  for_reader_.wait(lock, [&] {
    letter = collect(lock);
    return letter.state != State::kWaiting;
  });
  return letter;
}

void Mailbox::pause(bool paused) {
  const std::scoped_lock lock(mutex_);
  if (paused == paused_) return;
  paused_ = paused;
  steps_ = 0;
  if (paused && info_.live) {
    drops_.paused += queue_.size();
    queue_.clear();
  }
  for_source_.notify_all();
  for_reader_.notify_all();
}

bool Mailbox::paused() const {
  const std::scoped_lock lock(mutex_);
  return paused_;
}

void Mailbox::step() {
  const std::scoped_lock lock(mutex_);
  if (!paused_) return;
  ++steps_;
  for_source_.notify_all();
  for_reader_.notify_all();
}

void Mailbox::stop() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  for_source_.notify_all();
  for_reader_.notify_all();
}

Drops Mailbox::drops() const {
  const std::scoped_lock lock(mutex_);
  Drops drops = drops_;
  drops.decode = source_->decode_failures();
  return drops;
}

uint64_t Mailbox::delivered() const {
  const std::scoped_lock lock(mutex_);
  return delivered_;
}

}  // namespace tarsier::capture
