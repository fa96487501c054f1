#include "record/result_compare.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace tarsier::record {
namespace {

std::string within(std::string_view place, std::string_view name) {
  return fmt::format("{}.{}", place, name);
}

using Json = nlohmann::ordered_json;
constexpr std::array<std::string_view, 6> kLeftOut = {"latency_ms", "stage_times", "pipeline",
                                                      "preset",     "params",      "version"};

std::string text_of(const Json* json) {
  if (json == nullptr) return "nothing";
  std::string text = json->dump(-1, ' ', false, Json::error_handler_t::replace);
  constexpr size_t kLong = 60;
  if (text.size() > kLong) text = text.substr(0, kLong) + "...";
  return text;
}

class Comparison {
 public:
  explicit Comparison(const Tolerance& tolerance) : tolerance_(tolerance) {}

  std::optional<Difference> compare(const std::string& place, const Json* was, const Json* is) const {
    if (was == nullptr || is == nullptr) return differs(place, was, is);
    if (was->is_number() && is->is_number()) return numbers(place, *was, *is);
    if (was->is_object() && is->is_object()) return objects(place, *was, *is);
    if (was->is_array() && is->is_array()) return lists(place, *was, *is);
    return *was == *is ? std::nullopt : differs(place, was, is);
  }

 private:
  static std::optional<Difference> differs(const std::string& place, const Json* was, const Json* is) {
    return Difference{.place = place, .was = text_of(was), .is = text_of(is)};
  }

  [[nodiscard]] std::optional<Difference> numbers(const std::string& place, const Json& was,
                                                  const Json& is) const {
    const double a = was.get<double>(), b = is.get<double>(), apart = std::abs(a - b);
    if (apart <= std::max(tolerance_.absolute, tolerance_.relative * std::max(std::abs(a), std::abs(b))))
      return std::nullopt;
    auto difference = differs(place, &was, &is);
    difference->by = apart;
    return difference;
  }

  [[nodiscard]] std::optional<Difference> objects(const std::string& place, const Json& was,
                                                  const Json& is) const {
    for (const auto& [key, value] : was.items()) {
      if (!tolerance_.exact() && key == "counts" && was.contains("coverage")) continue;
      const auto other = is.find(key);
      if (auto found = compare(within(place, key), &value, other == is.end() ? nullptr : &*other))
        return found;
    }
    for (const auto& [key, value] : is.items())
      if (!was.contains(key)) return differs(within(place, key), nullptr, &value);
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Difference> lists(const std::string& place, const Json& was,
                                                const Json& is) const {
    const auto order = tolerance_.exact() ? std::vector<size_t>() : partners(was, is);
    const auto other = [&](size_t i) -> const Json* {
      const size_t at = order.empty() ? i : order[i];
      return at < is.size() ? &is[at] : nullptr;
    };
    for (size_t i = 0; i < was.size(); ++i)
      if (auto found = compare(fmt::format("{}[{}]", place, i), &was[i], other(i))) return found;
    if (is.size() > was.size())
      return Difference{.place = place,
                        .was = fmt::format("{} of them", was.size()),
                        .is = fmt::format("{} of them", is.size())};
    return std::nullopt;
  }

  /// For each box of one list the nearest of its class in the other, each once; empty for lists of others.
  static std::vector<size_t> partners(const Json& was, const Json& is) {
    const auto is_box = [](const Json& one) {
      return one.is_object() && one.contains("box") && one.contains("class_id") && !one.contains("id");
    };
    if (!std::ranges::all_of(was, is_box) || !std::ranges::all_of(is, is_box)) return {};
    std::vector<size_t> order;
    std::vector<bool> used(is.size(), false);
    for (const Json& one : was) {
      size_t best = is.size();
      double nearest = std::numeric_limits<double>::infinity();
      for (size_t i = 0; i < is.size(); ++i) {
        if (used[i] || is[i]["class_id"] != one["class_id"]) continue;
        double apart = 0;
        for (size_t edge = 0; edge < 4; ++edge)
          apart =
              std::max(apart, std::abs(is[i]["box"][edge].get<double>() - one["box"][edge].get<double>()));
        if (apart >= nearest) continue;
        nearest = apart;
        best = i;
      }
      if (best < is.size()) used[best] = true;
      order.push_back(best);
    }
    return order;
  }

  const Tolerance& tolerance_;
};

/// What one stage made of a line.
struct Part {
  std::string type, mask, place;
  Json value;
};

/// Items in lists of their own by the text under `key`, with the type of the stage that makes such.
using Types = std::initializer_list<std::pair<std::string_view, std::string_view>>;
void split(std::vector<Part>& parts, const std::string& place, const Json& items, const char* key,
           Types types) {
  for (const Json& item : items) {
    const auto value = item.at(key).get<std::string>();
    const std::string own = within(place, value);
    auto part = std::ranges::find(parts, own, &Part::place);
    if (part == parts.end()) {
      const auto known = std::ranges::find(types, value, &Types::value_type::first);
      parts.push_back({std::string(known == types.end() ? "" : known->second), "", own, Json::array()});
      part = parts.end() - 1;
    }
    part->value.push_back(item);
  }
}

/// Tracks as the tracker made them, and what was measured of them afterwards.
void split_tracks(std::vector<Part>& parts, const Json& tracks) {
  constexpr std::array<std::string_view, 5> kMeasured = {"distance", "relative_speed", "ttc", "lateral",
                                                         "lateral_speed"};
  Json followed = Json::array(), measured = Json::array();
  for (const Json& track : tracks) {
    followed.push_back(Json::object());
    measured.push_back(Json::object());
    for (const auto& [key, value] : track.items()) {
      const std::string_view quantity =
          std::string_view(key).substr(0, key.size() - (key.ends_with("_sigma") ? 6 : 0));
      const bool of_range = std::ranges::find(kMeasured, quantity) != kMeasured.end();
      (of_range ? measured : followed).back()[key] = value;
    }
  }
  parts.push_back({"track", "", "tracks", std::move(followed)});
  parts.push_back({"range", "", "tracks", std::move(measured)});
}

std::vector<Part> parts_of(const Json& line) {
  std::vector<Part> parts;
  for (const auto& [key, value] : line.items()) {
    if (std::ranges::find(kLeftOut, key) != kLeftOut.end()) continue;
    if (key == "tracks") {
      split_tracks(parts, value);
    } else if (key == "events") {
      split(parts, key, value, "type", {{"forward_collision", "range"}, {"lane_departure", "lanes"}});
    } else if (key == "landmarks") {
      split(parts, key, value, "kind", {{"face", "face"}, {"body", "body"}, {"hand", "hands"}});
    } else if (key == "masks") {
      for (const auto& [name, mask] : value.items())
        parts.push_back({"segment", name, within(key, name), mask});
    } else if (key == "detections") {
      parts.push_back({"detect", "", key, value});
    } else if (key == "lanes") {
      parts.push_back({"lanes", "", key, value});
    } else if (key == "zones" || key == "lines") {
      parts.push_back({"zones", "", key, value});
    } else {
      parts.push_back({"", "", key, value});
    }
  }
  return parts;
}

const Part* find(const std::vector<Part>& parts, const Part& like) {
  const auto found = std::ranges::find_if(
      parts, [&](const Part& part) { return part.type == like.type && part.place == like.place; });
  return found == parts.end() ? nullptr : &*found;
}

}  // namespace

Result<std::vector<Difference>> differences(std::string_view was, std::string_view is,
                                            const Tolerance& tolerance) {
  try {
    const auto before = parts_of(Json::parse(was)), now = parts_of(Json::parse(is));
    const Comparison comparison(tolerance);
    std::vector<Difference> found;
    const auto compare = [&](const Part& part, const Json* one, const Json* other) {
      auto difference = comparison.compare(part.place, one, other);
      if (!difference) return;
      difference->type = part.type;
      difference->mask = part.mask;
      found.push_back(*std::move(difference));
    };
    const Json none = Json::array();
    for (const Part& part : before) {
      const Part* other = find(now, part);
      compare(part, &part.value, other != nullptr ? &other->value : part.value.is_array() ? &none : nullptr);
    }
    for (const Part& part : now) {
      if (find(before, part) == nullptr) compare(part, part.value.is_array() ? &none : nullptr, &part.value);
    }
    return found;
  } catch (const Json::exception& error) {
    return input_error("is no line of results: {}", error.what());
  }
}

}  // namespace tarsier::record
