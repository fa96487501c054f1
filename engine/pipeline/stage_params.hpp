// How a stage declares its parameters.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/param.hpp"

namespace tarsier::pipeline {

/// Declares parameters under a common prefix: `declare.number("score", 0.35, {.min = 0.01}, "...")` makes
/// "<prefix>.score". The first error is kept, and nothing is declared after it:
///
///     StageParams declare(spec.name, params);
///     declare.number("warn", 2, {.min = 0.1, .max = 20, .unit = "s"}, "warns below this");
///     declare.toggle("show", true, "draw it");
///     TARSIER_CHECK(declare.status());
class StageParams {
 public:
  /// Of a number: from min to max, inclusive; the overlay's control goes by `step`.
  struct Range {
    double min = 0, max = 1, step = 0.01;
    std::string unit = {};
  };
  struct WholeRange {
    int64_t min = 0, max = 1, step = 1;
    std::string unit = {};
  };
  /// When a change of the value counts.
  enum class Applies : bool { kAtOnce, kOnStart };
  static constexpr Applies kOnStart = Applies::kOnStart;

  /// `params` outlives it.
  StageParams(std::string prefix, Params& params) : prefix_(std::move(prefix)), params_(params) {}

  void number(std::string_view key, double initial, const Range& range, std::string help) {
    add(key, {.type = ParamType::kFloat,
              .initial = initial,
              .min = range.min,
              .max = range.max,
              .step = range.step,
              .unit = range.unit,
              .help = std::move(help)});
  }
  void whole(std::string_view key, int64_t initial, const WholeRange& range, std::string help,
             Applies applies = Applies::kAtOnce) {
    add(key, {.type = ParamType::kInt,
              .initial = initial,
              .min = double(range.min),
              .max = double(range.max),
              .step = double(range.step),
              .unit = range.unit,
              .help = std::move(help),
              .restarts = applies == kOnStart});
  }
  void toggle(std::string_view key, bool initial, std::string help, Applies applies = Applies::kAtOnce) {
    add(key, {.type = ParamType::kBool,
              .initial = initial,
              .help = std::move(help),
              .restarts = applies == kOnStart});
  }
  void text(std::string_view key, std::string initial, std::string help, Applies applies = Applies::kAtOnce) {
    add(key, {.type = ParamType::kText,
              .initial = std::move(initial),
              .help = std::move(help),
              .restarts = applies == kOnStart});
  }
  void choice(std::string_view key, std::string initial, std::vector<std::string> choices, std::string help) {
    add(key, {.type = ParamType::kChoice,
              .initial = std::move(initial),
              .help = std::move(help),
              .choices = std::move(choices)});
  }
  /// A subset of `choices`, none at first; `empty` is the word for none.
  void set(std::string_view key, std::vector<std::string> choices, std::string help,
           std::string empty = "all") {
    add(key, {.type = ParamType::kSet,
              .initial = std::vector<std::string>{},
              .help = std::move(help),
              .choices = std::move(choices),
              .empty = std::move(empty)});
  }

  [[nodiscard]] const Status& status() const { return status_; }

 private:
  void add(std::string_view key, ParamSpec spec) {
    if (!status_.ok()) return;
    spec.key = prefix_ + "." + std::string(key);
    status_ = params_.declare(std::move(spec));
  }

  std::string prefix_;
  Params& params_;
  Status status_;
};

}  // namespace tarsier::pipeline
