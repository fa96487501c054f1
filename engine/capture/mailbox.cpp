#include "capture/mailbox.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <tuple>

#include "core/text.hpp"

namespace tarsier::capture {
namespace {

/// A clip that fell further behind than this goes on from where it is instead of rushing to catch up.
constexpr auto kLag = std::chrono::milliseconds(100);

Clock::duration seconds(double value) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
}

/// Frames of a clip, none where it is endless, and the time of the last one.
using Length = std::pair<std::optional<uint64_t>, double>;
Result<Length> length_of(FrameSource& source) {
  Length length{};
  TARSIER_TRY(length.first, source.count());
  if (length.first.value_or(0) > 0) {
    TARSIER_TRY(length.second, source.time_of(*length.first - 1));
  }
  return length;
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
    : source_(std::move(source)),
      info_(source_->info()),
      options_(completed(options, info_)),
      speed_(options_.paced ? 1 : kUnpaced),
      can_seek_(source_->can_seek()) {
  if (!can_seek_) no_seek_ = source_->no_seek();
  thread_ = std::thread([this] { run(); });
}

Mailbox::~Mailbox() {
  stop();
  thread_.join();
}

void Mailbox::run() {
  while (true) {
    {
      Lock lock(mutex_);
      for_source_.wait(lock, [&] { return stopping_ || wanted_ || wanted_loop_ || wants_count_ || !ended_; });
      if (stopping_) return;
      answer(lock);
      if (wanted_) carry_out(lock);
      if (ended_ || wanted_ || stopping_) continue;
      if (beyond_loop(next_position_) && !jump_to_loop(lock)) continue;
    }
    const auto asked = Clock::now();
    auto next = source_->next();  // decodes: never under the lock
    const auto decoded = Clock::now();
    Lock lock(mutex_);
    if (stopping_) return;
    if (wanted_) continue;  // this frame is from before the seek
    if (!next.ok() || !next->has_value()) {
      if (next.ok() && loop_ && next_position_ > loop_->first && jump_to_loop(lock)) continue;
      if (!next.ok()) failure_ = std::make_unique<Error>(next.error());
      ended_ = true;
      steps_ = std::min<uint64_t>(steps_, queue_.size());  // a step behind the last frame is none
      for_reader_.notify_all();
      if (!can_seek_ || failure_) return;
      continue;
    }
    Frame frame = std::move(**next);
    frame.asked = asked;
    frame.decoded = decoded;
    next_position_ = frame.position + 1;
    const bool sought = std::exchange(arrived_, false);
    if (sought) sought_ = frame.position;  // the next one that there is, where images cannot be read
    if (!sought && frame.id % options_.policy.stride != 0) {
      ++drops_.policy;
      continue;
    }
    if (info_.live && paused_ && steps_ == 0) {
      ++drops_.paused;
      continue;
    }
    Then then = Then::kGo;
    if (!info_.live) then = wait_until_due(lock, frame);
    if (then == Then::kGo) then = push(lock, std::move(frame));
    if (then == Then::kStop) return;
  }
}

/// What needs no other place in the source: counting, and the bounds of a loop.
void Mailbox::answer(Lock& lock) {
  if (!wants_count_ && !wanted_loop_) return;
  wants_count_ = false;
  const auto loop = std::exchange(wanted_loop_, std::nullopt);
  if (!count_) {
    counting_ = true;
    lock.unlock();
    const auto length = length_of(*source_);
    lock.lock();
    counting_ = false;
    if (!length.ok()) {
      refusal_ = length.error();
      return;
    }
    std::tie(count_, last_s_) = *length;
  }
  if (!loop) return;
  if (const Status inside = check(loop->second); !inside.ok()) {
    refusal_ = inside.error();
    return;
  }
  loop_ = loop;
  std::erase_if(queue_, [&](const Frame& frame) { return beyond_loop(frame.position); });
  if (next_position_ > loop_->first) ended_ = false;
}

/// The seek that is wanted. Where it is refused, all goes on behind what was handed out last.
void Mailbox::carry_out(Lock& lock) {
  moving_ = std::exchange(wanted_, std::nullopt);
  const Target target = *moving_;
  lock.unlock();
  const auto gone = go_to(target);
  const auto length = gone.ok() ? length_of(*source_) : Result<Length>(gone.error());
  lock.lock();
  moving_.reset();
  epoch_set_ = false;
  earliest_ = {};
  if (gone.ok()) {
    sought_ = next_position_ = *gone;
    arrived_ = true;
    ended_ = false;
    if (length.ok()) std::tie(count_, last_s_) = *length;
    return;
  }
  refusal_ = gone.error();
  if (wanted_) return;
  shows_ = false;
  if (ended_) {
    for_reader_.notify_all();
    return;
  }
  const uint64_t behind = given_ ? given_->first + 1 : 0;
  lock.unlock();
  const bool back = source_->seek(behind).ok();  // else the clip cannot be sought in at all: it has not moved
  lock.lock();
  if (back) next_position_ = behind;
}

Result<uint64_t> Mailbox::go_to(const Target& target) {
  uint64_t position = target.position;
  if (target.time_s) {
    TARSIER_TRY(position, source_->position_at(*target.time_s));
  }
  if (target.offset != 0) {
    TARSIER_TRY(const auto count, source_->count());
    const int64_t last = count ? int64_t(*count) - 1 : std::numeric_limits<int64_t>::max() / 2;
    position =
        uint64_t(std::clamp<int64_t>(int64_t(position) + target.offset, 0, std::max<int64_t>(0, last)));
  }
  TARSIER_CHECK(source_->seek(position));
  return position;
}

/// The first frame of the loop follows the last one as if it were the next. False where that fails.
bool Mailbox::jump_to_loop(Lock& lock) {
  const uint64_t first = loop_->first;
  lock.unlock();
  const Status gone = source_->seek(first);
  lock.lock();
  if (!gone.ok()) {
    refusal_ = gone.error();
    loop_.reset();
    return false;
  }
  next_position_ = first;
  epoch_set_ = false;
  if (speed_ > 0) earliest_ = last_due_ + seconds(1 / ((info_.fps > 0 ? info_.fps : 25) * speed_));
  return true;
}

Mailbox::Then Mailbox::wait_until_due(Lock& lock, const Frame& frame) {
  while (true) {
    if (stopping_) return Then::kStop;
    if (wanted_) return Then::kRequest;
    if (wants_count_ || wanted_loop_) {
      answer(lock);
      continue;
    }
    if (beyond_loop(frame.position)) return Then::kRequest;
    if (speed_ == kUnpaced) return Then::kGo;
    if (paused_) {
      epoch_set_ = false;  // time stands still: the next frame after the pause is due at once
      if ((steps_ > 0 || shows_) && queue_.empty()) return Then::kGo;
      for_source_.wait(lock);
      continue;
    }
    const auto now = Clock::now();
    const auto offset = seconds(frame.time_s / speed_);
    if (!epoch_set_ || frame.jumps || now > epoch_ + offset + kLag) {
      epoch_ = std::max(now, std::exchange(earliest_, {})) - offset;
      epoch_set_ = true;
    }
    last_due_ = epoch_ + offset;
    if (now >= last_due_) return Then::kGo;
    for_source_.wait_until(lock, last_due_);
  }
}

Mailbox::Then Mailbox::push(Lock& lock, Frame frame) {
  while (true) {
    if (stopping_) return Then::kStop;
    if (wanted_) return Then::kRequest;
    if (wants_count_ || wanted_loop_) {
      answer(lock);
      continue;
    }
    if (beyond_loop(frame.position)) return Then::kRequest;
    // A frame that somebody sought is not replaced by the one that follows it.
    const bool newest = options_.policy.kind == Policy::Kind::kLatest && !(shows_ && !queue_.empty()) &&
                        (info_.live || speed_ != kUnpaced);
    if (newest) {
      drops_.late += queue_.size();
      queue_.clear();
      break;
    }
    if (queue_.size() < options_.ahead && !(shows_ && !queue_.empty())) break;
    for_source_.wait(lock);
  }
  if (!info_.live && speed_ != kUnpaced) frame.captured = Clock::now();
  queue_.push_back(std::move(frame));
  for_reader_.notify_all();
  return Then::kGo;
}

Mailbox::Letter Mailbox::collect(Lock& lock) {
  Letter letter;
  if (stopping_) {
    letter.state = State::kEnd;
    return letter;
  }
  if (wanted_ || moving_) return letter;
  const bool held = paused_ && steps_ == 0 && !shows_;
  if (!queue_.empty() && !held) {
    letter.state = State::kFrame;
    letter.frame = std::move(queue_.front());
    queue_.pop_front();
    if (!std::exchange(shows_, false) && paused_) --steps_;
    // A recording that runs as fast as possible has no clock of its own: its frame is "captured" when asked
    // for, or the decoding ahead would count as latency.
    if (!info_.live && speed_ == kUnpaced) letter.frame.captured = Clock::now();
    letter.frame.dropped = drops(lock);
    given_ = {letter.frame.position, letter.frame.time_s};
    ++delivered_;
    for_source_.notify_all();
  } else if (queue_.empty() && failure_) {
    letter.state = State::kFailed;
    letter.error = *failure_;
  } else if (queue_.empty() && ended_ && !(paused_ && can_seek_) && !wanted_loop_ && !counting_) {
    letter.state = State::kEnd;
  }
  return letter;
}

Mailbox::Letter Mailbox::poll() {
  Lock lock(mutex_);
  return collect(lock);
}

Mailbox::Letter Mailbox::take() {
  Lock lock(mutex_);
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

Status Mailbox::check(uint64_t position) const {
  if (count_ && position >= *count_) return source_->outside(position, *count_);
  return {};
}

void Mailbox::request(const Target& target) {
  wanted_ = target;
  queue_.clear();
  steps_ = 0;
  shows_ = true;
  for_source_.notify_all();
}

Status Mailbox::seek(uint64_t position) {
  const std::scoped_lock lock(mutex_);
  if (!can_seek_) return *no_seek_;
  TARSIER_CHECK(check(position));
  request({.position = position});
  return {};
}

Status Mailbox::seek_time(double time_s) {
  const std::scoped_lock lock(mutex_);
  if (!can_seek_) return *no_seek_;
  request({.time_s = time_s});
  return {};
}

Status Mailbox::step(int64_t frames) {
  const std::scoped_lock lock(mutex_);
  if (!paused_ || frames == 0) return {};
  if (!can_seek_ && frames < 0) return *no_seek_;
  const bool sought = wanted_ || moving_ || shows_;
  if (frames > 0 && !sought && given_ && count_ && given_->first + 1 >= *count_) return {};  // at the end
  // Under `latest` the frame that would come next may have been dropped before the pause.
  const bool next =
      options_.policy.kind != Policy::Kind::kLatest ||
      (given_ && steps_ == 0 && !queue_.empty() && queue_.front().position == given_->first + 1);
  if (!can_seek_ || (frames == 1 && !sought && next)) {
    if (ended_ && queue_.empty()) return {};
    steps_ += uint64_t(frames);
    for_source_.notify_all();
    for_reader_.notify_all();
    return {};
  }
  Target target;
  if (wanted_ || moving_) {
    target = wanted_ ? *wanted_ : *moving_;
  } else if (shows_) {
    target.position = sought_;
  } else if (given_) {
    target.position = given_->first + steps_;
  } else {
    --target.offset;  // the first step is to the first frame
  }
  target.offset += frames;
  request(target);
  return {};
}

Status Mailbox::set_speed(double speed) {
  if (info_.live) return input_error("{}: a live {} plays at its own speed", info_.name, info_.kind);
  if (speed != kUnpaced && !(speed >= kSlowest && speed <= kFastest))
    return input_error("speed {}: choose {} to {} times, or as fast as possible", speed, kSlowest, kFastest);
  const std::scoped_lock lock(mutex_);
  speed_ = speed;
  epoch_set_ = false;
  for_source_.notify_all();
  return {};
}

Status Mailbox::loop_between(uint64_t first, uint64_t last) {
  const std::scoped_lock lock(mutex_);
  if (!can_seek_) return *no_seek_;
  if (first > last)
    return input_error("a loop from frame {} to {}: its first frame lies behind its last", first, last);
  TARSIER_CHECK(check(last));
  wanted_loop_ = {first, last};
  for_source_.notify_all();
  return {};
}

void Mailbox::loop_all() {
  const std::scoped_lock lock(mutex_);
  wanted_loop_.reset();
  loop_.reset();
}

void Mailbox::count_frames() {
  const std::scoped_lock lock(mutex_);
  wants_count_ = can_seek_ && !count_;
  for_source_.notify_all();
}

Transport Mailbox::transport() const {
  const std::scoped_lock lock(mutex_);
  Transport transport;
  transport.can_seek = can_seek_;
  transport.frames = count_;
  transport.last_s = last_s_;
  if (given_) std::tie(transport.position, transport.time_s) = *given_;
  transport.speed = speed_;
  transport.paused = paused_;
  transport.seeking = wanted_ || moving_ || counting_;
  transport.ended = ended_ && queue_.empty();
  transport.loop = loop_;
  return transport;
}

std::optional<Error> Mailbox::take_refusal() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(refusal_, std::nullopt);
}

void Mailbox::stop() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  source_->cancel();
  for_source_.notify_all();
  for_reader_.notify_all();
}

Drops Mailbox::drops() const {
  const Lock lock(mutex_);
  return drops(lock);
}

Drops Mailbox::drops(const Lock& /*lock*/) const {
  Drops drops = drops_;
  drops.decode = source_->decode_failures();
  return drops;
}

uint64_t Mailbox::delivered() const {
  const std::scoped_lock lock(mutex_);
  return delivered_;
}

}  // namespace tarsier::capture
