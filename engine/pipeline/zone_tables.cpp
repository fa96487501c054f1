#include "pipeline/zone_tables.hpp"

#include <algorithm>
#include <unistd.h>

#include "capture/source_name.hpp"
#include "core/file.hpp"
#include "pipeline/param_toml.hpp"

namespace tarsier::pipeline {
namespace fs = std::filesystem;
namespace {

/// Lines and columns of toml++ as places in the text. Columns count code points.
class Places {
 public:
  explicit Places(const std::string& text) : text_(text), lines_{0} {
    for (size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1))
      lines_.push_back(at + 1);
    if (text.starts_with("\xEF\xBB\xBF")) lines_.front() = 3;
  }
  [[nodiscard]] size_t of(const toml::source_position& place) const {
    size_t at = line(place.line);
    for (auto left = place.column; left > 1 && at < text_.size(); --left) {
      do ++at;
      while (at < text_.size() && (uint8_t(text_[at]) & 0xC0U) == 0x80);
    }
    return at;
  }
  /// Where the line begins, counted from 1.
  [[nodiscard]] size_t line(size_t number) const {
    return number == 0 ? 0 : number <= lines_.size() ? lines_[number - 1] : text_.size();
  }
  /// Before the line end of the line that `at` is in.
  [[nodiscard]] size_t end_of_line(size_t at) const {
    const size_t end = std::min(text_.find('\n', at), text_.size());
    return end > at && text_[end - 1] == '\r' ? end - 1 : end;
  }

 private:
  const std::string& text_;
  std::vector<size_t> lines_;
};

/// Bytes [begin, end) become `text`.
struct Edit {
  size_t begin = 0, end = 0;
  std::string text;
};

std::string list_of(std::span<const vision::Point> points) {
  std::string list = "[";
  for (const auto& point : points)
    list += fmt::format("{}[{}, {}]", list.size() > 1 ? ", " : "", toml_text(point.x), toml_text(point.y));
  return list + "]";
}

const char* word_for(const ZoneSpec& zone) {
  return zone.shape.line ? "line" : "zone";
}

/// Of the last value in the node, however deep; headers are values' places too.
toml::source_position last_place(const toml::node& node) {
  auto last = node.source().end;
  const auto take = [&](const toml::node& one) {
    const auto place = last_place(one);
    if (place > last) last = place;
  };
  if (const auto* table = node.as_table()) {
    for (const auto& [key, value] : *table) take(value);
  } else if (const auto* array = node.as_array()) {
    for (const auto& item : *array) take(item);
  }
  return last;
}

const toml::table* find_stage(const toml::table& root, std::string_view name) {
  const auto* stages = root["stage"].as_array();
  for (size_t i = 0; stages != nullptr && i < stages->size(); ++i) {
    const auto* stage = stages->get(i)->as_table();
    if (stage != nullptr && (*stage)["name"].value_or(std::string_view()) == name) return stage;
  }
  return nullptr;
}

/// The stage's table of that zone: names and sources together are there once.
const toml::table* find_zone(const toml::table& stage, const ZoneSpec& zone) {
  const auto* zones = stage[word_for(zone)].as_array();
  for (size_t i = 0; zones != nullptr && i < zones->size(); ++i) {
    const auto* one = zones->get(i)->as_table();
    if (one != nullptr && (*one)["name"].value_or(std::string_view()) == zone.shape.name &&
        (*one)["source"].value_or(std::string_view()) == zone.source)
      return one;
  }
  return nullptr;
}

/// Nothing where it is no list of points.
std::vector<vision::Point> points_in(const toml::node& node) {
  std::vector<vision::Point> points;
  const auto* list = node.as_array();
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const auto* point = list->get(i)->as_array();
    if (point == nullptr || point->size() != 2) return {};
    points.push_back({point->get(0)->value_or(-1.0), point->get(1)->value_or(-1.0)});
  }
  return points;
}

/// Makes the edits of one stage.
class Editor {
 public:
  Editor(const std::string& text, const std::string& file, const toml::table& stage,
         std::span<const ZoneChange> all)
      : text_(text), file_(file), places_(text), stage_(stage), all_(all) {
    const size_t newline = text.find('\n');
    eol_ = newline != std::string::npos && newline > 0 && text[newline - 1] == '\r' ? "\r\n" : "\n";
  }

  Status add(const ZoneChange& change) {
    const toml::table* table = change.was ? find_zone(stage_, *change.was) : nullptr;
    // It may be there under its new name, saved already or written by hand, if that is not another one's.
    if (table == nullptr && change.now) {
      const auto* found = find_zone(stage_, *change.now);
      if (std::ranges::none_of(
              all_, [&](const auto& other) { return other.was && find_zone(stage_, *other.was) == found; }))
        table = found;
    }
    if (table == nullptr) return change.now ? insert(*change.now) : Status();
    if (!change.now) return erase(*table, word_for(*change.was));
    const vision::ZoneShape& shape = change.now->shape;
    const toml::node* name = table->get("name");
    if (name->value_or(std::string_view()) != shape.name) replace(*name, toml_quoted(shape.name));
    if (const auto* points = table->get("points"); points == nullptr) {
      const size_t at = places_.end_of_line(places_.of(last_place(*table)));
      edits_.push_back({at, at, eol_ + "points = " + list_of(shape.points)});
    } else if (points_in(*points) != shape.points) {
      replace(*points, list_of(shape.points));
    }
    return {};
  }

  /// From the last to the first, so that places stay what they are.
  std::string apply() {
    std::ranges::stable_sort(edits_, std::greater(), &Edit::begin);
    std::string out = text_;
    if (!added_.empty()) {
      // After what else ends there: the edits before it in the text have not been made yet.
      const size_t at = end_of_tables();
      const auto place = std::ranges::find_if(edits_, [&](const Edit& edit) { return edit.begin < at; });
      edits_.insert(place, {at, at, added_});
    }
    for (const Edit& edit : edits_) out.replace(edit.begin, edit.end - edit.begin, edit.text);
    return out;
  }

 private:
  void replace(const toml::node& value, std::string with) {
    edits_.push_back({places_.of(value.source().begin), places_.of(value.source().end), std::move(with)});
  }

  Status no_inline(const toml::node& table, const char* word) const {
    const auto* one = table.as_table();
    if (one == nullptr || !one->is_inline()) return {};
    return input_error(
        "{}:{}: stage.{} is written in braces; write it as [[stage.{}]], then it can be changed", file_,
        table.source().begin.line, word, word);
  }

  Status erase(const toml::table& table, const char* word) {
    TARSIER_CHECK(no_inline(table, word));
    size_t begin = places_.line(table.source().begin.line);
    size_t end = std::min(text_.find('\n', places_.of(last_place(table))), text_.size());
    end = std::min(end + 1, text_.size());
    // The empty line before it goes too, where one follows or nothing does.
    const bool before =
        begin >= 2 * eol_.size() && text_.compare(begin - 2 * eol_.size(), 2 * eol_.size(), eol_ + eol_) == 0;
    const bool after = end == text_.size() || text_.compare(end, eol_.size(), eol_) == 0;
    if (before && after) begin -= eol_.size();
    if (end == text_.size() && !text_.ends_with('\n') && begin > 0) begin -= eol_.size();
    edits_.push_back({begin, end, ""});
    return {};
  }

  Status insert(const ZoneSpec& zone) {
    if (const auto* all = stage_[word_for(zone)].as_array(); all != nullptr && !all->empty())
      TARSIER_CHECK(no_inline(*all->get(0), word_for(zone)));
    added_ += fmt::format("{}{}[[stage.{}]]{}name = {}{}", eol_, eol_, word_for(zone), eol_,
                          toml_quoted(zone.shape.name), eol_);
    if (!zone.source.empty()) added_ += fmt::format("source = {}{}", toml_quoted(zone.source), eol_);
    added_ += "points = " + list_of(zone.shape.points);
    return {};
  }

  /// Behind the stage's last zone or line, or what else is its last.
  [[nodiscard]] size_t end_of_tables() const {
    std::optional<toml::source_position> last;
    for (const char* word : {"zone", "line"}) {
      const auto* node = stage_.get(word);
      if (node == nullptr) continue;
      const auto place = last_place(*node);
      if (!last || place > *last) last = place;
    }
    return places_.end_of_line(places_.of(last.value_or(last_place(stage_))));
  }

  const std::string& text_;
  const std::string& file_;
  Places places_;
  const toml::table& stage_;
  std::span<const ZoneChange> all_;
  std::string eol_, added_;
  std::vector<Edit> edits_;
};

/// Whether the stage says what the change wants: written texts are read back before anybody gets them.
bool holds(const toml::table& stage, const ZoneChange& change, std::span<const ZoneChange> all) {
  if (!change.now) {  // another one may have its name now
    return find_zone(stage, *change.was) == nullptr || std::ranges::any_of(all, [&](const ZoneChange& other) {
             return other.now && other.now->shape.name == change.was->shape.name &&
                    other.now->source == change.was->source;
           });
  }
  const toml::table* table = find_zone(stage, *change.now);
  const toml::node* points = table == nullptr ? nullptr : table->get("points");
  return points != nullptr && points_in(*points) == change.now->shape.points;
}

}  // namespace

std::vector<ZoneSpec> zones_in(const StageSpec& stage, std::string_view source) {
  std::vector<ZoneSpec> zones;
  const std::string name = capture::place_name(source);
  // Older files have the last part of an address alone.
  const std::string last = name.substr(name.rfind('/') + 1);
  for (const auto& zone : stage.zones) {
    if (zone.source.empty() || zone.source == name || zone.source == last) zones.push_back(zone);
  }
  return zones;
}

std::vector<vision::ZoneShape> shapes_of(std::span<const ZoneSpec> zones) {
  std::vector<vision::ZoneShape> shapes;
  for (const auto& zone : zones) shapes.push_back(zone.shape);
  return shapes;
}

Result<std::string> with_zones(const std::string& text, const std::string& file, std::string_view stage,
                               std::span<const ZoneChange> changes) {
  TARSIER_TRY(const toml::table root, parse_toml(text, file));
  const toml::table* table = find_stage(root, stage);
  if (table == nullptr)
    return input_error("{}: has no stage '{}' any more, whose zones could be saved", file, stage);
  Editor editor(text, file, *table, changes);
  for (const auto& change : changes) TARSIER_CHECK(editor.add(change));
  std::string out = editor.apply();
  const auto written = parse_toml(out, file);
  const toml::table* now = written.ok() ? find_stage(*written, stage) : nullptr;
  if (now == nullptr ||
      !std::ranges::all_of(changes, [&](const auto& change) { return holds(*now, change, changes); }))
    return input_error(
        "{}: the zones of stage '{}' are written in a way that cannot be changed here; write "
        "them as [[stage.zone]] and [[stage.line]]",
        file, stage);
  return out;
}

Status save_zones(const fs::path& file, std::string_view stage, std::span<const ZoneChange> changes) {
  TARSIER_TRY(const auto text, read_text(file));
  TARSIER_TRY(const auto changed, with_zones(text, file.string(), stage, changes));
  if (::access(file.c_str(), W_OK) != 0)  // a rename would take the place of what was protected
    return runtime_error("{}: may not be written by this account", file.string());
  std::error_code code;
  const fs::path target = fs::canonical(file, code);
  return write_text_atomic(code ? file : target, changed);
}

Status save_zones_as(const fs::path& file, const fs::path& copy, std::string_view stage,
                     std::span<const ZoneChange> changes) {
  std::error_code code;
  if (fs::exists(copy, code)) return runtime_error("{}: is there already", copy.string());
  TARSIER_TRY(const auto text, read_text(file));
  TARSIER_TRY(const auto changed, with_zones(text, file.string(), stage, changes));
  return write_text_atomic(copy, changed);
}

}  // namespace tarsier::pipeline
