#include "core/param.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fmt/ranges.h>

#include "core/text.hpp"

namespace tarsier {
namespace {

/// A lookup that cannot fail unless the program is wrong.
[[noreturn]] void unknown_parameter(std::string_view key) {
  fmt::print(stderr, "tarsier: parameter '{}' is read but was never declared\n", key);
  std::abort();
}

Error out_of_range(const ParamSpec& spec, double value) {
  return input_error("{}: {:g} is out of range, it goes from {:g} to {:g}{}{}", spec.key, value, spec.min,
                     spec.max, spec.unit.empty() ? "" : " ", spec.unit);
}

Error wrong_type(const ParamSpec& spec, std::string_view got) {
  static constexpr std::string_view kWanted[] = {"on or off",          "a whole number", "a number",
                                                 "one of its choices", "a text",         "a list of names"};
  return input_error("{}: '{}' is not {} ({})", spec.key, got, kWanted[static_cast<size_t>(spec.type)],
                     spec.help);
}

Status check_choice(const ParamSpec& spec, const std::string& name) {
  if (std::find(spec.choices.begin(), spec.choices.end(), name) != spec.choices.end()) return {};
  const std::string near = did_you_mean(name, spec.choices);
  if (!near.empty() || spec.choices.size() > 12)
    return input_error("{}: '{}' is unknown{}", spec.key, name, near);
  return input_error("{}: '{}' is unknown, choose one of {}", spec.key, name, fmt::join(spec.choices, ", "));
}

}  // namespace

std::string_view name_of(ParamOrigin origin) {
  static constexpr std::string_view kNames[] = {"default", "pipeline", "preset", "command line", "overlay"};
  return kNames[static_cast<size_t>(origin)];
}

std::string to_string(const ParamValue& value) {
  struct Visitor {
    std::string operator()(bool v) const { return v ? "on" : "off"; }
    std::string operator()(int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const { return fmt::format("{:g}", v); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const std::vector<std::string>& v) const {
      return fmt::format("{}", fmt::join(v, ","));
    }
  };
  return std::visit(Visitor{}, value);
}

Result<ParamValue> Params::parse(const ParamSpec& spec, std::string_view text) const {
  const std::string lower = to_lower(text);
  switch (spec.type) {
    case ParamType::kBool:
      if (lower == "on" || lower == "true" || lower == "yes" || lower == "1") return ParamValue(true);
      if (lower == "off" || lower == "false" || lower == "no" || lower == "0") return ParamValue(false);
      return wrong_type(spec, text);
    case ParamType::kInt: {
      int64_t number = 0;
      const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (code != std::errc() || end != text.data() + text.size()) return wrong_type(spec, text);
      return conform(spec, number);
    }
    case ParamType::kFloat: {
      double number = 0;
      const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (code != std::errc() || end != text.data() + text.size()) return wrong_type(spec, text);
      return conform(spec, number);
    }
    case ParamType::kChoice:
    case ParamType::kText:
      return conform(spec, std::string(text));
    case ParamType::kSet: {
      std::vector<std::string> names;
      for (auto& part : split(text, ',')) {
        if (!part.empty()) names.push_back(std::move(part));
      }
      // A choice of that name goes before the word for the empty set.
      if (names.size() == 1 && names[0] == spec.empty && std::ranges::count(spec.choices, spec.empty) == 0)
        names.clear();
      return conform(spec, names);
    }
  }
  return wrong_type(spec, text);
}

Result<ParamValue> Params::conform(const ParamSpec& spec, const ParamValue& value) const {
  const auto in_range = [&](double number) {
    return std::isfinite(number) && number >= spec.min && number <= spec.max;
  };
  switch (spec.type) {
    case ParamType::kBool:
      if (std::holds_alternative<bool>(value)) return value;
      break;
    case ParamType::kInt:
      if (const auto* number = std::get_if<int64_t>(&value)) {
        if (!in_range(static_cast<double>(*number))) return out_of_range(spec, static_cast<double>(*number));
        return value;
      }
      break;
    case ParamType::kFloat: {
      double number = 0;
      if (const auto* real = std::get_if<double>(&value)) {
        number = *real;
      } else if (const auto* whole = std::get_if<int64_t>(&value)) {
        number = static_cast<double>(*whole);
      } else {
        break;
      }
      if (!in_range(number)) return out_of_range(spec, number);
      return ParamValue(number);
    }
    case ParamType::kChoice:
      if (const auto* name = std::get_if<std::string>(&value)) {
        TARSIER_CHECK(check_choice(spec, *name));
        return value;
      }
      break;
    case ParamType::kText:
      if (std::holds_alternative<std::string>(value)) return value;
      break;
    case ParamType::kSet:
      if (const auto* text = std::get_if<std::string>(&value)) return parse(spec, *text);
      if (const auto* names = std::get_if<std::vector<std::string>>(&value)) {
        for (const auto& name : *names) TARSIER_CHECK(check_choice(spec, name));
        return value;
      }
      break;
  }
  return wrong_type(spec, to_string(value));
}

Status Params::declare(ParamSpec spec) {
  const std::string key = spec.key;
  const auto [slot, added] =
      slots_.try_emplace(key, Slot{specs_.size(), spec.initial, ParamOrigin::kDefault, ""});
  if (!added) {
    return runtime_error("{}: declared twice; give the second stage of this name another one", key);
  }
  specs_.push_back(std::move(spec));
  for (auto it = pending_.begin(); it != pending_.end();) {
    if (it->key != key) {
      ++it;
      continue;
    }
    const Pending pending = *it;
    it = pending_.erase(it);
    const Status status = pending.is_text
                              ? set_text(key, std::get<std::string>(pending.value), pending.origin)
                              : set(key, pending.value, pending.origin);
    if (!status.ok()) return pending.place.empty() ? status.error() : status.error().in(pending.place);
    if (slot->second.origin == pending.origin) slot->second.place = pending.place;
  }
  return {};
}

void Params::withdraw(std::string_view prefix) {
  std::vector<ParamSpec> kept;
  for (auto& spec : specs_) {
    if (spec.key.starts_with(prefix)) {
      slots_.erase(spec.key);
    } else {
      slots_.find(spec.key)->second.spec = kept.size();
      kept.push_back(std::move(spec));
    }
  }
  specs_ = std::move(kept);
  ++version_;
}

Status Params::set(std::string_view key, const ParamValue& value, ParamOrigin origin) {
  const auto found = slots_.find(key);
  if (found == slots_.end()) return input_error("{}: no such parameter{}", key, did_you_mean(key, keys()));
  Slot& slot = found->second;
  TARSIER_TRY(auto conformed, conform(specs_[slot.spec], value));
  if (origin < slot.origin) return {};
  slot.value = std::move(conformed);
  slot.origin = origin;
  slot.place.clear();
  ++version_;
  return {};
}

Status Params::set_text(std::string_view key, std::string_view text, ParamOrigin origin) {
  const auto found = slots_.find(key);
  if (found == slots_.end()) return input_error("{}: no such parameter{}", key, did_you_mean(key, keys()));
  TARSIER_TRY(const auto value, parse(specs_[found->second.spec], text));
  return set(key, value, origin);
}

void Params::preset(std::string key, ParamValue value, ParamOrigin origin, std::string place) {
  pending_.push_back({std::move(key), std::move(value), origin, std::move(place), false});
}
void Params::preset_text(std::string key, std::string text, ParamOrigin origin, std::string place) {
  pending_.push_back({std::move(key), std::move(text), origin, std::move(place), true});
}

Status Params::check_all_known() const {
  if (pending_.empty()) return {};
  const auto& first = pending_.front();
  return input_error("{}: {}: no such parameter{}",
                     first.place.empty() ? std::string(name_of(first.origin)) : first.place, first.key,
                     did_you_mean(first.key, keys()));
}

const Params::Slot& Params::slot(std::string_view key) const {
  const auto found = slots_.find(key);
  if (found == slots_.end()) unknown_parameter(key);
  return found->second;
}

bool Params::boolean(std::string_view key) const {
  return std::get<bool>(slot(key).value);
}
int64_t Params::integer(std::string_view key) const {
  return std::get<int64_t>(slot(key).value);
}
double Params::real(std::string_view key) const {
  return std::get<double>(slot(key).value);
}
const std::string& Params::text(std::string_view key) const {
  return std::get<std::string>(slot(key).value);
}
const std::vector<std::string>& Params::set_of(std::string_view key) const {
  return std::get<std::vector<std::string>>(slot(key).value);
}
const ParamValue& Params::value(std::string_view key) const {
  return slot(key).value;
}
ParamOrigin Params::origin(std::string_view key) const {
  return slot(key).origin;
}

std::string Params::place(std::string_view key) const {
  const auto found = slots_.find(key);
  return found == slots_.end() ? "" : found->second.place;
}

std::vector<std::string> Params::keys() const {
  std::vector<std::string> names;
  names.reserve(specs_.size());
  for (const auto& spec : specs_) names.push_back(spec.key);
  return names;
}

}  // namespace tarsier
