#include "present/label_placer.hpp"

#include <algorithm>

namespace tarsier::present {
namespace {

constexpr int kPatience = 10;  // frames

}  // namespace

void LabelPlacer::begin(float gap) {
  gap_ = gap;
  taken_.clear();
  before_.swap(now_);
  now_.clear();
}

std::optional<size_t> LabelPlacer::place(int64_t id, std::span<const Rect> candidates) {
  const Kept* kept = find(id);
  const size_t last = kept == nullptr ? candidates.size() : kept->choice;
  const bool stays = last < candidates.size() && is_free(candidates[last], 0);
  size_t best = 0;
  while (best < candidates.size() && (best == last ? !stays : !is_free(candidates[best], gap_))) ++best;
  if (best == candidates.size()) return std::nullopt;
  Kept next{id, best, 0};
  if (stays && best != last && kept->better + 1 < kPatience) next = {id, last, kept->better + 1};
  now_.push_back(next);
  taken_.push_back(candidates[next.choice]);
  return next.choice;
}

const LabelPlacer::Kept* LabelPlacer::find(int64_t id) const {
  const auto found = std::ranges::find(before_, id, &Kept::id);
  return found == before_.end() ? nullptr : &*found;
}

bool LabelPlacer::is_free(const Rect& rect, float gap) const {
  return !rect.empty() && std::ranges::none_of(taken_, [&](const Rect& other) {
    return rect.x0 - gap < other.x1 && rect.x1 + gap > other.x0 && rect.y0 - gap < other.y1 &&
           rect.y1 + gap > other.y0;
  });
}

}  // namespace tarsier::present
