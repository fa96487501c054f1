#include "record/session_source.hpp"

#include <algorithm>
#include <cmath>

#include "core/file.hpp"
#include "core/log.hpp"

namespace tarsier::record {
namespace {

/// Where a recording's time jumps further than the clock on the wall, somebody sought.
constexpr double kCut_s = 1;

class SessionPlayer final : public capture::FrameSource {
 public:
  SessionPlayer(const Session& session, std::vector<std::unique_ptr<capture::FrameSource>> pictures)
      : session_(session), pictures_(std::move(pictures)), expected_(pictures_.size(), 0) {
    const SessionSource& source = session.head().source;
    info_ = {.name = source.name,
             .kind = "session",
             .width = source.width,
             .height = source.height,
             .fps = source.fps,
             .frames = int64_t(session.frames().size())};
  }

  [[nodiscard]] const capture::SourceInfo& info() const override { return info_; }

  Result<std::optional<capture::Frame>> next() override {
    if (next_ >= session_.frames().size()) return std::optional<capture::Frame>();
    const SessionStep& step = session_.frame(next_);
    TARSIER_TRY(auto picture, picture_of(step));
    if (!picture) {
      log::warn("{}: the pictures end after {} of {} frames", session_.folder().string(), next_,
                session_.frames().size());
      return std::optional<capture::Frame>();
    }
    if (hash64(std::as_bytes(std::span(*picture->bgra))) != step.picture)
      return runtime_error(
          "{}: frame {} of the session is not the picture that was recorded; it was read from {}",
          session_.folder().string(), next_, source_of(step).info().name);
    picture->id = step.id;
    picture->position = next_;
    picture->time_s = step.time_s;
    picture->jumps = next_ > 0 && jumps(session_.frame(next_ - 1), step);
    ++next_;
    return std::optional(std::move(*picture));
  }

  [[nodiscard]] bool can_seek() const override { return true; }
  Result<std::optional<uint64_t>> count() override {
    return std::optional<uint64_t>(session_.frames().size());
  }
  Status seek(uint64_t position) override {
    if (position >= session_.frames().size()) return outside(position, session_.frames().size());
    next_ = position;
    return {};
  }
  /// Of times that lie in the run more than once, the first.
  Result<uint64_t> position_at(double time_s) override {
    const auto& frames = session_.frames();
    uint64_t best = 0;
    double nearest = std::abs(session_.frame(0).time_s - time_s);
    for (uint64_t n = 1; n < frames.size(); ++n) {
      const double away = std::abs(session_.frame(n).time_s - time_s);
      if (away < nearest) {
        nearest = away;
        best = n;
      }
    }
    return best;
  }
  Result<double> time_of(uint64_t position) override {
    if (position >= session_.frames().size()) return outside(position, session_.frames().size());
    return session_.frame(position).time_s;
  }
  void cancel() override {
    for (auto& source : pictures_) source->cancel();
  }

 private:
  static bool jumps(const SessionStep& before, const SessionStep& now) {
    return std::abs((now.time_s - before.time_s) - (now.taken_s - before.taken_s)) > kCut_s;
  }
  capture::FrameSource& source_of(const SessionStep& step) { return *pictures_[step.file]; }

  Result<std::optional<capture::Frame>> picture_of(const SessionStep& step) {
    capture::FrameSource& source = source_of(step);
    // Frames on the way are cheaper than a jump, and an unfinished file needs no index for them.
    constexpr uint64_t kNear = 8;
    uint64_t& at = expected_[step.file];
    if (step.position < at || step.position > at + kNear) {
      TARSIER_CHECK(source.seek(step.position));
      at = step.position;
    }
    while (true) {
      TARSIER_TRY(auto frame, source.next());
      if (!frame) return frame;
      ++at;
      if (at > step.position) return frame;
    }
  }

  const Session& session_;
  std::vector<std::unique_ptr<capture::FrameSource>> pictures_;
  std::vector<uint64_t> expected_;  // position that each of them gives next
  capture::SourceInfo info_;
  size_t next_ = 0;
};

}  // namespace

Result<std::unique_ptr<capture::FrameSource>> open_session(const Session& session, const std::string& moved) {
  TARSIER_TRY(const auto places, session.pictures(moved));
  std::vector<std::unique_ptr<capture::FrameSource>> pictures;
  for (const auto& place : places) {
    TARSIER_TRY(auto source, capture::open_source(place));
    if (!source->can_seek()) return source->no_seek();
    pictures.push_back(std::move(source));
  }
  return Result<std::unique_ptr<capture::FrameSource>>(
      std::make_unique<SessionPlayer>(session, std::move(pictures)));
}

}  // namespace tarsier::record
