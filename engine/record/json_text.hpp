// JSON as text, with numbers of so many decimals.
#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace tarsier::record {

/// Whether numbers have so many decimals, or as many as tell them from all others.
enum class Numbers : bool { kRounded, kExact };

/// Quoted and escaped; bytes that are no UTF-8 are replaced.
[[nodiscard]] inline std::string quoted_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Appends to a string, which outlives it; commas come by themselves. Keys are written as they are: plain
/// names. nlohmann::json, which reads the settings, neither rounds numbers nor appends to a line that is
/// kept.
class JsonText {
 public:
  explicit JsonText(std::string& out, Numbers numbers = Numbers::kRounded)
      : out_(out), exact_(numbers == Numbers::kExact) {}

  JsonText& key(std::string_view name) {
    separate();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    comma_ = false;
    return *this;
  }
  /// JSON has no NaN and no infinity: they become null.
  void number(double value, int decimals) {
    if (!std::isfinite(value)) return quoted("null");
    separate();
    if (!exact_) {
      fmt::format_to(std::back_inserter(out_), "{:.{}f}", value, decimals);
    } else if (const auto single = float(value); double(single) == value) {
      fmt::format_to(std::back_inserter(out_), "{}", single);
    } else {
      fmt::format_to(std::back_inserter(out_), "{}", value);
    }
  }
  void number(const std::optional<float>& value, int decimals) {
    value ? number(double(*value), decimals) : quoted("null");
  }
  void whole(uint64_t value) { quoted(fmt::format("{}", value)); }
  void boolean(bool value) { quoted(value ? "true" : "false"); }
  /// Any text as a string, quoted and escaped. Most needs no escaping, and a frame has many.
  void text(std::string_view value) {
    separate();
    append_text(value);
  }
  JsonText& text_key(std::string_view value) {
    separate();
    append_text(value);
    out_ += ':';
    comma_ = false;
    return *this;
  }
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
  void append_text(std::string_view value) {
    const auto plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
    if (std::ranges::all_of(value, plain)) {
      out_ += '"';
      out_ += value;
      out_ += '"';
    } else {
      out_ += quoted_text(value);
    }
  }
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
  const bool exact_;
  bool comma_ = false;  // something stands before in this object or list
};

}  // namespace tarsier::record
