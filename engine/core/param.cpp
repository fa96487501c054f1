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
  const bool added = slots_.try_emplace(key, Slot{specs_.size(), {{spec.initial}}}).second;
  if (!added) {
    return runtime_error("{}: declared twice; give the second stage of this name another one", key);
  }
  specs_.push_back(std::move(spec));
  return settle(key);
}

Status Params::settle(std::string_view key) {
  const ParamSpec& spec = specs_[slot(key).spec];
  for (auto it = pending_.begin(); it != pending_.end();) {
    if (it->key != key) {
      ++it;
      continue;
    }
    const Pending pending = *it;
    it = pending_.erase(it);
    auto value = pending.is_text ? parse(spec, std::get<std::string>(pending.value))
                                 : Result<ParamValue>(pending.value);
    const Status status =
        value.ok() ? put(key, *value, pending.origin, pending.place) : Status(value.error());
    if (!status.ok()) return pending.place.empty() ? status.error() : status.error().in(pending.place);
  }
  return {};
}

Status Params::settle() {
  for (const auto& spec : specs_) TARSIER_CHECK(settle(spec.key));
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

std::string Params::unknown(std::string_view key) const {
  const std::string near = did_you_mean(key, keys());
  if (!near.empty()) return fmt::format("{}: no such parameter{}", key, near);
  // Of another pipeline, perhaps.
  const std::string stage(key.substr(0, key.find('.')));
  std::vector<std::string> stages;
  for (const auto& spec : specs_) {
    std::string one = spec.key.substr(0, spec.key.find('.'));
    if (stages.empty() || stages.back() != one) stages.push_back(std::move(one));
  }
  if (stages.empty() || std::ranges::find(stages, stage) != stages.end())
    return fmt::format("{}: no such parameter", key);
  return fmt::format("{}: this pipeline has no stage '{}', it has {}", key, stage, fmt::join(stages, ", "));
}

Status Params::put(std::string_view key, const ParamValue& value, ParamOrigin origin, std::string place) {
  const auto found = slots_.find(key);
  if (found == slots_.end()) return input_error("{}", unknown(key));
  TARSIER_TRY(auto conformed, conform(specs_[found->second.spec], value));
  auto& sources = found->second.sources;
  const auto at = std::ranges::lower_bound(sources, origin, {}, &ParamSource::origin);
  if (at == sources.end() || at->origin != origin) {
    sources.insert(at, {std::move(conformed), origin, std::move(place)});
  } else {
    *at = {std::move(conformed), origin, std::move(place)};
  }
  ++version_;
  return {};
}

Status Params::set(std::string_view key, const ParamValue& value, ParamOrigin origin) {
  return put(key, value, origin, "");
}

Status Params::set_text(std::string_view key, std::string_view text, ParamOrigin origin) {
  const auto found = slots_.find(key);
  if (found == slots_.end()) return input_error("{}", unknown(key));
  TARSIER_TRY(const auto value, parse(specs_[found->second.spec], text));
  return set(key, value, origin);
}

Status Params::set_by_hand(std::string_view key, const ParamValue& value) {
  TARSIER_CHECK(set(key, value, ParamOrigin::kOverlay));
  if (source(key).value == source_below(key, ParamOrigin::kOverlay).value) clear(key, ParamOrigin::kOverlay);
  return {};
}

void Params::clear(std::string_view key, ParamOrigin origin) {
  const auto found = slots_.find(key);
  if (found == slots_.end() || origin == ParamOrigin::kDefault) return;
  std::erase_if(found->second.sources, [&](const auto& one) { return one.origin == origin; });
  ++version_;
}

void Params::clear_all(ParamOrigin origin) {
  for (const auto& spec : specs_) clear(spec.key, origin);
}

void Params::set_later(std::string key, ParamValue value, ParamOrigin origin, std::string place) {
  pending_.push_back({std::move(key), std::move(value), origin, std::move(place), false});
}
void Params::set_text_later(std::string key, std::string text, ParamOrigin origin, std::string place) {
  pending_.push_back({std::move(key), std::move(text), origin, std::move(place), true});
}

Status Params::check_all_known() const {
  if (pending_.empty()) return {};
  const auto& first = pending_.front();
  return input_error("{}: {}", first.place.empty() ? std::string(name_of(first.origin)) : first.place,
                     unknown(first.key));
}

const Params::Slot& Params::slot(std::string_view key) const {
  const auto found = slots_.find(key);
  if (found == slots_.end()) unknown_parameter(key);
  return found->second;
}

bool Params::boolean(std::string_view key) const {
  return std::get<bool>(source(key).value);
}
int64_t Params::integer(std::string_view key) const {
  return std::get<int64_t>(source(key).value);
}
double Params::real(std::string_view key) const {
  return std::get<double>(source(key).value);
}
const std::string& Params::text(std::string_view key) const {
  return std::get<std::string>(source(key).value);
}
const std::vector<std::string>& Params::set_of(std::string_view key) const {
  return std::get<std::vector<std::string>>(source(key).value);
}
const ParamValue& Params::value(std::string_view key) const {
  return source(key).value;
}
ParamOrigin Params::origin(std::string_view key) const {
  return source(key).origin;
}

std::string Params::place(std::string_view key) const {
  const auto found = slots_.find(key);
  return found == slots_.end() ? "" : found->second.sources.back().place;
}

const ParamSource& Params::source(std::string_view key) const {
  return slot(key).sources.back();
}

const ParamSource& Params::source_below(std::string_view key, ParamOrigin origin) const {
  const auto& sources = slot(key).sources;
  const auto at = std::ranges::lower_bound(sources, origin, {}, &ParamSource::origin);
  return at == sources.begin() ? *at : *(at - 1);
}

std::vector<std::pair<std::string, ParamValue>> Params::not_default() const {
  std::vector<std::pair<std::string, ParamValue>> values;
  for (const auto& spec : specs_) {
    if (const auto& value = this->value(spec.key); value != spec.initial)
      values.emplace_back(spec.key, value);
  }
  return values;
}

std::vector<std::string> Params::keys() const {
  std::vector<std::string> names;
  names.reserve(specs_.size());
  for (const auto& spec : specs_) names.push_back(spec.key);
  return names;
}

}  // namespace tarsier
