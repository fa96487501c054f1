// Waiting for what another thread or program does: a test waits for the thing itself, never for a time that
// is long enough on most machines.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

namespace tarsier::test {

/// Whether it came true. The limit is for what never comes: no machine is so slow.
template <class Condition>
bool eventually(Condition condition, std::chrono::seconds limit = std::chrono::seconds(120)) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + limit;
  for (auto pause = std::chrono::milliseconds(1); !condition();
       pause = std::min(pause * 2, std::chrono::milliseconds(100))) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

}  // namespace tarsier::test
