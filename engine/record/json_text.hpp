// JSON as text, with numbers of so many decimals.
#pragma once

#include <cmath>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace tarsier::record {

/// Appends to a string, which outlives it; commas come by themselves. Keys are written as they are: plain
/// names. nlohmann::json, which reads the settings, neither rounds numbers nor appends to a line that is
/// kept.
class JsonText {
 public:
  explicit JsonText(std::string& out) : out_(out) {}

  JsonText& key(std::string_view name) { return quoted_key(fmt::format("\"{}\"", name)); }
  /// Of a name that is quoted and escaped already.
  JsonText& quoted_key(std::string_view name) {
    separate();
    out_ += name;
    out_ += ':';
    comma_ = false;
    return *this;
  }
  /// JSON has no NaN and no infinity: they become null.
  void number(double value, int decimals) {
    if (!std::isfinite(value)) return quoted("null");
    separate();
    fmt::format_to(std::back_inserter(out_), "{:.{}f}", value, decimals);
  }
  void number(const std::optional<float>& value, int decimals) {
    value ? number(double(*value), decimals) : quoted("null");
  }
  void whole(uint64_t value) { quoted(fmt::format("{}", value)); }
  void boolean(bool value) { quoted(value ? "true" : "false"); }
  /// A plain name as a string.
  void name(std::string_view value) { quoted(fmt::format("\"{}\"", value)); }
  /// What is JSON already.
  void quoted(std::string_view value) {
    separate();
    out_ += value;
  }
  /// {...} or [...] of what `fill` appends.
  template <class Fill>
  void object(Fill&& fill) {
    nest('{', '}', fill);
  }
  template <class Fill>
  void array(Fill&& fill) {
    nest('[', ']', fill);
  }
  /// [...] with each element by `append`.
  template <class List, class Append>
  void list(const List& elements, Append&& append) {
    array([&] {
      for (const auto& element : elements) append(element);
    });
  }

 private:
  void separate() {
    if (comma_) out_ += ',';
    comma_ = true;
  }
  template <class Fill>
  void nest(char begin, char end, Fill& fill) {
    separate();
    out_ += begin;
    comma_ = false;
    fill();
    out_ += end;
    comma_ = true;
  }

  std::string& out_;
  bool comma_ = false;  // something stands before in this object or list
};

}  // namespace tarsier::record
