#include "core/param_history.hpp"

#include <algorithm>

namespace tarsier {

void ParamHistory::change(ParamChange change, const std::string& preset) {
  if (open_ && done_.back().changes.front().key == change.key) {
    done_.back().changes.front().now = std::move(change.now);
    return;
  }
  if (change.was == change.now) return;
  add({{std::move(change)}, preset, preset});
  open_ = !done_.empty();
}

void ParamHistory::close() {
  if (!open_) return;
  open_ = false;
  const ParamChange& only = done_.back().changes.front();
  if (only.was == only.now) done_.pop_back();
}

void ParamHistory::add(ParamStep step) {
  close();
  std::erase_if(step.changes, [](const auto& one) { return one.was == one.now; });
  if (step.changes.empty() && step.preset_was == step.preset_now &&
      step.precision_was == step.precision_now) {
    return;
  }
  undone_.clear();
  done_.push_back(std::move(step));
  if (done_.size() > bound_) done_.pop_front();
}

const ParamStep* ParamHistory::undo() {
  close();
  if (done_.empty()) return nullptr;
  undone_.push_back(std::move(done_.back()));
  done_.pop_back();
  return &undone_.back();
}

const ParamStep* ParamHistory::redo() {
  close();
  if (undone_.empty()) return nullptr;
  done_.push_back(std::move(undone_.back()));
  undone_.pop_back();
  return &done_.back();
}

}  // namespace tarsier
