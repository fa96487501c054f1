// Undo and redo of parameters that were changed by hand.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "core/param.hpp"

namespace tarsier {

struct ParamChange {
  std::string key;
  ParamValue was, now;  // in force
};

/// What one act of the user changed.
struct ParamStep {
  std::vector<ParamChange> changes;
  std::string preset_was, preset_now;                  // differ where the act was to choose another one
  std::string precision_was = {}, precision_now = {};  // of the networks; the same
};

/// The last steps, and which of them are taken back. Who changes parameters tells it, and does himself what
/// undo() and redo() say.
class ParamHistory {
 public:
  /// Keeps so many steps at most; older ones are forgotten.
  explicit ParamHistory(size_t bound = 200) : bound_(bound) {}

  /// A value changed by hand. While the latest step is open and of this parameter alone, it goes on: a slider
  /// that is dragged is one step. `preset` is the one in use.
  void change(ParamChange change, const std::string& preset);
  /// The hand let go: the next change is a step of its own. A step that ended where it began is none.
  void close();
  /// A whole step; one that changes nothing is none. Closes the one before.
  void add(ParamStep step);

  /// The step to take back (its `was` holds then), or the one to do again (its `now`); null where there is
  /// none. Valid until the next call.
  const ParamStep* undo();
  const ParamStep* redo();
  /// What these would give.
  [[nodiscard]] const ParamStep* next_undo() const { return done_.empty() ? nullptr : &done_.back(); }
  [[nodiscard]] const ParamStep* next_redo() const { return undone_.empty() ? nullptr : &undone_.back(); }

 private:
  size_t bound_;
  std::deque<ParamStep> done_;     // oldest first
  std::vector<ParamStep> undone_;  // the next to do again is last
  bool open_ = false;              // the latest of done_
};

}  // namespace tarsier
