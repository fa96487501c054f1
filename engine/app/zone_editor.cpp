#include "app/zone_editor.hpp"

#include <algorithm>
#include <cmath>

namespace tarsier::app {
namespace {

using pipeline::ZoneSpec;
using vision::Point;
using vision::ZoneShape;

// In units of View::scale.
constexpr double kReach = 9;   // of a corner: a hand finds it without aiming
constexpr double kAgain = 4;   // a second click there is meant for the corner, not for another one
constexpr double kTremor = 3;  // a click moves nothing

/// Names and sources together are there once in a file.
bool same_table(const ZoneSpec& a, const ZoneSpec& b) {
  return a.shape.name == b.shape.name && a.source == b.source && a.shape.line == b.shape.line;
}

/// Digits that no file needs are left out.
double rounded(double part) {
  return std::round(part * 1e4) / 1e4;
}
Point middle(Point a, Point b) {
  return {rounded((a.x + b.x) / 2), rounded((a.y + b.y) / 2)};
}

std::string told(const ZoneShape& shape, const std::string& fault) {
  return fmt::format("{} '{}': {}", shape.line ? "line" : "zone", shape.name, fault);
}

}  // namespace

void ZoneEditor::load(const std::vector<ZoneSpec>& file, const std::string& source) {
  source_ = source;
  drag_.reset();
  hold_.reset();
  const std::string selected = selected_ ? items_[*selected_].now.shape.name : "";
  std::vector<std::optional<ZoneSpec>> found(items_.size());
  std::vector<ZoneSpec> fresh, removed;
  for (const ZoneSpec& zone : file) {
    const auto item_of = [&](auto&& is) -> size_t {
      size_t i = 0;
      while (i < items_.size() && (found[i] || !is(items_[i]))) ++i;
      return i;
    };
    // By the new name first: that is the one in a file that was just saved.
    size_t i = item_of([&](const Item& item) { return same_table(item.now, zone); });
    if (i == items_.size())
      i = item_of([&](const Item& item) { return item.saved && same_table(*item.saved, zone); });
    if (i < items_.size()) {
      found[i] = zone;
    } else if (std::ranges::any_of(removed_, [&](const auto& one) { return same_table(one, zone); })) {
      removed.push_back(zone);
    } else {
      fresh.push_back(zone);
    }
  }
  std::vector<Item> items;
  for (size_t i = 0; i < items_.size(); ++i) {
    const bool changed = !items_[i].saved || !(items_[i].now == *items_[i].saved);
    if (found[i]) {
      items.push_back({found[i], changed ? items_[i].now : *found[i]});
    } else if (changed) {
      items.push_back({std::nullopt, items_[i].now});
    }
  }
  for (const ZoneSpec& zone : fresh) items.push_back({zone, zone});
  items_ = std::move(items);
  removed_ = std::move(removed);
  const auto at = std::ranges::find_if(items_, [&](const Item& i) { return i.now.shape.name == selected; });
  selected_.reset();
  if (at != items_.end()) selected_ = size_t(at - items_.begin());
  ++version_;
}

std::vector<ZoneShape> ZoneEditor::shapes() const {
  std::vector<ZoneShape> shapes;
  for (const Item& item : items_) shapes.push_back(item.now.shape);
  return shapes;
}

std::vector<pipeline::ZoneChange> ZoneEditor::changes() const {
  std::vector<pipeline::ZoneChange> changes;
  for (const ZoneSpec& zone : removed_) changes.push_back({zone, std::nullopt});
  for (const Item& item : items_) {
    if (!item.saved || !(item.now == *item.saved)) changes.push_back({item.saved, item.now});
  }
  return changes;
}

bool ZoneEditor::has_name(const std::string& name) const {
  return std::ranges::any_of(items_, [&](const Item& item) { return item.now.shape.name == name; });
}

std::string ZoneEditor::free_name(bool line) const {
  for (int number = 1;; ++number) {
    std::string name = fmt::format("{} {}", line ? "line" : "zone", number);
    if (!has_name(name)) return name;
  }
}

void ZoneEditor::begin(bool line) {
  drag_.reset();
  hold_.reset();
  selected_.reset();
  fault_.clear();
  draft_ = ZoneShape{.name = free_name(line), .line = line, .points = {}};
}

void ZoneEditor::rename(size_t item, const std::string& name) {
  fault_.clear();
  ZoneShape& shape = items_[item].now.shape;
  if (name == shape.name) return;
  if (name.empty()) {
    fault_ = told(shape, "a name has at least one letter");
  } else if (has_name(name) || (draft_ && draft_->name == name)) {
    fault_ = told(shape, fmt::format("there is another '{}'", name));
  } else {
    shape.name = name;
    ++version_;
  }
}

void ZoneEditor::remove(size_t item) {
  fault_.clear();
  drag_.reset();
  hold_.reset();
  selected_.reset();
  if (items_[item].saved) removed_.push_back(*items_[item].saved);
  items_.erase(items_.begin() + std::ptrdiff_t(item));
  ++version_;
}

void ZoneEditor::revert() {
  fault_.clear();
  draft_.reset();
  drag_.reset();
  hold_.reset();
  selected_.reset();
  std::erase_if(items_, [](const Item& item) { return !item.saved; });
  for (Item& item : items_) item.now = *item.saved;
  for (const ZoneSpec& zone : removed_) items_.push_back({zone, zone});
  removed_.clear();
  ++version_;
}

Point ZoneEditor::to_picture(double x, double y) const {
  // Beside the picture: its edge.
  const auto part = [](double at, double from, double size) {
    return rounded(std::clamp((at - from) / std::max(size, 1.0), 0.0, 1.0));
  };
  return {part(x, view_.x, view_.width), part(y, view_.y, view_.height)};
}

bool ZoneEditor::near(Point corner, double x, double y, double reach) const {
  // A click beside the picture is one at its edge.
  return distance(to_window(corner), to_window(to_picture(x, y))) <= reach * view_.scale;
}

bool ZoneEditor::has_middle(const ZoneShape& shape, size_t corner) const {
  const auto& points = shape.points;
  return !shape.line && distance(to_window(points[corner]), to_window(points[(corner + 1) % points.size()])) >
                            5 * kReach * view_.scale;
}

std::optional<ZoneEditor::Hold> ZoneEditor::find(double x, double y) const {
  std::optional<Hold> found;
  double least = kReach * view_.scale;
  const auto consider = [&](double away, const Hold& hold) {
    if (away > least) return;
    least = away;
    found = hold;
  };
  const auto each = [&](auto&& visit) {
    for (size_t i = 0; i < items_.size(); ++i) {
      for (size_t k = 0; k < items_[i].now.shape.points.size(); ++k) visit(i, items_[i].now.shape, k);
    }
  };
  // Corners before middles, middles before edges: what is smaller is meant.
  using What = Hold::What;
  each([&](size_t i, const ZoneShape& shape, size_t k) {
    consider(distance(to_window(shape.points[k]), {x, y}), {i, What::kCorner, k});
  });
  if (found) return found;
  const auto next = [](const ZoneShape& shape, size_t k) {
    return shape.points[(k + 1) % shape.points.size()];
  };
  each([&](size_t i, const ZoneShape& shape, size_t k) {
    if (!has_middle(shape, k)) return;
    const Point a = shape.points[k], b = next(shape, k);
    consider(distance(to_window(middle(a, b)), {x, y}), {i, What::kMiddle, k});
  });
  if (found) return found;
  each([&](size_t i, const ZoneShape& shape, size_t k) {
    consider(vision::distance_to_segment(to_window(shape.points[k]), to_window(next(shape, k)), {x, y}),
             {i, What::kEdge, k});
  });
  return found;
}

bool ZoneEditor::crosses(Point next) const {
  if (!draft_ || draft_->points.size() < 3) return false;
  // All edges so far but the one that it goes on from. Onto the first corner it closes.
  const auto& points = draft_->points;
  const bool closes = next == points.front();
  for (size_t i = closes ? 1 : 0; i + 2 < points.size(); ++i) {
    if (vision::touch(points.back(), next, points[i], points[i + 1])) return true;
  }
  return false;
}

void ZoneEditor::move(double x, double y) {
  pointer_ = to_picture(x, y);
  if (draft_) {
    if (draft_->points.size() >= 3 && near(draft_->points.front(), x, y, kReach))
      pointer_ = draft_->points.front();
    return;
  }
  if (!drag_) {
    hold_ = find(x, y);
    return;
  }
  drag_->moved = drag_->moved || distance(drag_->from, {x, y}) > kTremor * view_.scale;
  if (!drag_->moved) return;
  drag_->shape.points[drag_->corner] = pointer_;
  const std::string fault = vision::fault_of(drag_->shape);
  fault_ = fault.empty() ? "" : told(drag_->shape, fault);
}

void ZoneEditor::press(double x, double y) {
  move(x, y);
  if (draft_) {
    auto& points = draft_->points;
    fault_.clear();
    if (!draft_->line && points.size() >= 3 && near(points.front(), x, y, kReach)) return finish();
    if (!points.empty() && near(points.back(), x, y, kAgain)) {  // a double click ends it
      if (points.size() >= 3) finish();
      return;
    }
    if (crosses(pointer_)) {
      fault_ = "this edge would cross another one";
      return;
    }
    points.push_back(pointer_);
    if (draft_->line && points.size() == 2) finish();
    return;
  }
  fault_.clear();
  selected_.reset();
  if (!hold_) return;
  selected_ = hold_->item;
  if (hold_->what == Hold::What::kEdge) return;
  Drag drag{
      .item = hold_->item, .corner = hold_->index, .from = {x, y}, .shape = items_[hold_->item].now.shape};
  if (hold_->what == Hold::What::kMiddle) {
    auto& points = drag.shape.points;
    const Point a = points[drag.corner], b = points[(drag.corner + 1) % points.size()];
    ++drag.corner;
    points.insert(points.begin() + std::ptrdiff_t(drag.corner), middle(a, b));
    drag.added = true;
  }
  drag_ = std::move(drag);
}

void ZoneEditor::release(double x, double y) {
  if (!drag_) return;
  move(x, y);
  const Drag drag = *std::move(drag_);
  drag_.reset();
  if ((drag.moved || drag.added) && !take(drag.item, drag.shape)) fault_ += "; it stays as it was";
  hold_ = find(x, y);
}

bool ZoneEditor::take(size_t item, const ZoneShape& shape) {
  const std::string fault = vision::fault_of(shape);
  fault_ = fault.empty() ? "" : told(shape, fault);
  if (!fault.empty()) return false;
  items_[item].now.shape = shape;
  ++version_;
  return true;
}

void ZoneEditor::remove_corner(double x, double y) {
  if (draft_) return take_back();
  if (drag_) return;
  fault_.clear();
  move(x, y);
  if (!hold_ || hold_->what != Hold::What::kCorner) return;
  const size_t item = hold_->item;
  ZoneShape shape = items_[item].now.shape;
  shape.points.erase(shape.points.begin() + std::ptrdiff_t(hold_->index));
  selected_ = item;
  take(item, shape);
  hold_ = find(x, y);
}

void ZoneEditor::accept() {
  if (draft_) finish();
}

void ZoneEditor::take_back() {
  if (!draft_ || draft_->points.empty()) return;
  draft_->points.pop_back();
  fault_.clear();
}

bool ZoneEditor::cancel() {
  const bool under_way = draft_ || drag_ || selected_;
  draft_.reset();
  drag_.reset();
  selected_.reset();
  fault_.clear();
  return under_way;
}

void ZoneEditor::finish() {
  const std::string fault = vision::fault_of(*draft_);
  fault_ = fault.empty() ? "" : told(*draft_, fault);
  if (!fault.empty()) return;
  if (has_name(draft_->name)) draft_->name = free_name(draft_->line);  // the file has it by now
  items_.push_back({std::nullopt, {.shape = *std::move(draft_), .source = source_, .place = {}}});
  draft_.reset();
  selected_ = items_.size() - 1;
  ++version_;
}

}  // namespace tarsier::app
