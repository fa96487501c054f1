// Something that is on or off and does not change for a moment's sake.
#pragma once

namespace tarsier::vision {

class Hysteresis {
 public:
  /// `change`: whether it should be the other way, by the threshold of the way that it is now. It changes
  /// after so many of these in a row. True: just now.
  bool update(bool change, int times) {
    count_ = change ? count_ + 1 : 0;
    if (count_ < times) return false;
    count_ = 0;
    on_ = !on_;
    return true;
  }
  [[nodiscard]] bool on() const { return on_; }

 private:
  bool on_ = false;
  int count_ = 0;
};

}  // namespace tarsier::vision
