#include "app/side_build.hpp"

#include <chrono>
#include <utility>

#include "core/thread.hpp"

namespace tarsier::app {

SideBuild::SideBuild(SideContext context, Setup setup)
    : context_(std::move(context)), setup_(std::move(setup)) {
  context_.beside_frames = true;
  context_.progress = [this](const std::string& what, double fraction) {
    const std::lock_guard lock(mutex_);
    progress_ = {what, fraction};
  };
  thread_ = std::thread([this] {
    lower_thread_priority();  // frames first
    const auto begin = std::chrono::steady_clock::now();
    side_ = make_side(context_, setup_);
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    done_ = true;
  });
}

SideBuild::~SideBuild() {
  if (thread_.joinable()) thread_.join();
}

SideBuild::Progress SideBuild::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

SideBuild::Made SideBuild::take() {
  thread_.join();
  return {std::move(setup_), *std::move(side_), seconds_};
}

}  // namespace tarsier::app
