// Finds places for labels so that none covers another, and keeps them there from frame to frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tarsier::present {

struct Rect {
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;  // pixels of the picture
  [[nodiscard]] bool empty() const { return x1 <= x0 || y1 <= y0; }
};

/// Labels are placed one after another, the most important one first. One that was shown in the frame before
/// stays on its side of its object while that is free. It is moved to a better one, and one that was not
/// shown appears, only where there is room to spare (`gap`), and after a better place was free for some
/// frames: boxes jitter, and labels must not.
class LabelPlacer {
 public:
  /// A new frame. `gap`: pixels.
  void begin(float gap);
  /// No label covers this one.
  void block(const Rect& rect) { taken_.push_back(rect); }
  /// Which of the candidates is free, the best one first: their order is the same in each frame, one that is
  /// no place in this frame is empty. None: the label is left out. An `id` is used once a frame.
  std::optional<size_t> place(int64_t id, std::span<const Rect> candidates);
  /// Whether it was placed in the frame before.
  [[nodiscard]] bool was_shown(int64_t id) const { return find(id) != nullptr; }

 private:
  struct Kept {
    int64_t id = 0;
    size_t choice = 0;
    int better = 0;  // frames in a row in which a better place was free
  };
  [[nodiscard]] const Kept* find(int64_t id) const;
  [[nodiscard]] bool is_free(const Rect& rect, float gap) const;

  float gap_ = 0;
  std::vector<Rect> taken_;
  std::vector<Kept> before_, now_;
};

}  // namespace tarsier::present
