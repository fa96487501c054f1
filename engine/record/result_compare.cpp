#include "record/result_compare.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

namespace tarsier::record {
namespace {

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
      if (auto found = compare(place + "." + key, &value, other == is.end() ? nullptr : &*other))
        return found;
    }
    for (const auto& [key, value] : is.items())
      if (!was.contains(key)) return differs(place + "." + key, nullptr, &value);
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

}  // namespace

Result<std::optional<Difference>> first_difference(std::string_view was, std::string_view is,
                                                   const Tolerance& tolerance) {
  try {
    const Json before = Json::parse(was), now = Json::parse(is);
    const Comparison comparison(tolerance);
    for (const auto& [key, value] : before.items()) {
      if (std::ranges::find(kLeftOut, key) != kLeftOut.end()) continue;
      const auto other = now.find(key);
      auto found = comparison.compare(key, &value, other == now.end() ? nullptr : &*other);
      if (!found) continue;
      found->key = key;
      return found;
    }
    return std::optional<Difference>();
  } catch (const Json::exception& error) {
    return input_error("is no line of results: {}", error.what());
  }
}

}  // namespace tarsier::record
