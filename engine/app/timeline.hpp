// What was measured in which frame of a recording, as far as it was seen: values for a plot, events for
// marks.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/frame_result.hpp"

namespace tarsier::app {

/// Of bounded size: of a recording of more than kBins frames several share a place, which keeps the largest
/// of their values and the events of all.
class Timeline {
 public:
  enum class Value : uint8_t { kObjects, kLatency, kScore };
  static constexpr size_t kValues = 3;
  static constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  static constexpr size_t kBins = size_t{1} << 17;  // 3 MB; 72 minutes of 30 frames/s
  enum class Kind : uint8_t { kCollision, kLane, kLine, kOther };
  struct Mark {
    uint64_t position = 0;  // frame in which it begins
    Kind kind = Kind::kOther;
    std::string what;  // "collision ahead"
  };

  /// `fps` <= 0: unknown.
  explicit Timeline(double fps) : fps_(fps > 0 ? fps : 25) {}

  /// A frame that is done, in the order in which they were. What was known of it is replaced, but for its
  /// events where it lies shortly behind one that was left out: whoever has not seen what was before finds
  /// fewer. Without `counts` the result does not tell what is in the frame.
  void add(uint64_t position, const pipeline::FrameResult& result, bool counts);

  /// Where events begin, in order. The same one again within half a second is one.
  [[nodiscard]] const std::vector<Mark>& marks() const;
  /// The nearest mark behind this frame, or before it; nullptr: none was seen.
  [[nodiscard]] const Mark* next(uint64_t position) const;
  [[nodiscard]] const Mark* previous(uint64_t position) const;
  /// The largest value in each of `count` equal parts of the recording's `frames`; NaN where none was seen.
  /// Frames that were left out for a moment have the value before them.
  [[nodiscard]] std::vector<float> columns(Value value, uint64_t frames, size_t count) const;

 private:
  struct Bin {
    std::array<float, kValues> values{kNone, kNone, kNone};
    uint32_t events = 0;  // bits: of types_
    bool seen = false;
  };
  struct Type {
    Kind kind;
    std::string what;
    bool operator==(const Type&) const = default;
  };
  [[nodiscard]] uint32_t events_of(const pipeline::FrameResult& result);
  [[nodiscard]] uint32_t bit_of(const Type& type);
  void halve();
  /// Whether two places lie so near that what is between was only left out.
  [[nodiscard]] bool near(size_t a, size_t b, double seconds) const {
    return double((b - a) * per_bin_) <= seconds * fps_;
  }

  double fps_;
  uint64_t per_bin_ = 1;
  std::vector<Bin> bins_;
  std::vector<Type> types_;
  std::optional<uint64_t> last_;  // position of the latest frame
  double settled_s_ = 0;          // from then on events are found as if all before had been seen
  mutable bool stale_ = false;    // marks_
  mutable std::vector<Mark> marks_;
};

}  // namespace tarsier::app
