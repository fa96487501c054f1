#include "app/stop_signal.hpp"

#include <csignal>
#include <ctime>

namespace tarsier::app {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

StopSignal::StopSignal() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { wait(); });
}

StopSignal::~StopSignal() {
  closing_ = true;
  thread_.join();
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void StopSignal::on_raise(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  callback_ = std::move(callback);
}

void StopSignal::wait() {
  const sigset_t set = stop_signals();
  const timespec tick{0, 100'000'000};
  while (!closing_) {
    if (sigtimedwait(&set, nullptr, &tick) < 0) continue;
    if (raised_.exchange(true)) std::_Exit(130);
    const std::lock_guard lock(mutex_);
    if (callback_) callback_();
  }
}

}  // namespace tarsier::app
