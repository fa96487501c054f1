#include "pipeline/param_toml.hpp"

#include <optional>

namespace tarsier::pipeline {
namespace fs = std::filesystem;
namespace {

std::optional<ParamValue> param_value(const toml::node& node) {
  if (const auto* v = node.as_boolean()) return ParamValue(v->get());
  if (const auto* v = node.as_integer()) return ParamValue(v->get());
  if (const auto* v = node.as_floating_point()) return ParamValue(v->get());
  if (const auto* v = node.as_string()) return ParamValue(v->get());
  if (const auto* array = node.as_array()) {
    std::vector<std::string> names;
    for (const auto& item : *array) {
      const auto* name = item.as_string();
      if (name == nullptr) return std::nullopt;
      names.push_back(name->get());
    }
    return ParamValue(std::move(names));
  }
  return std::nullopt;
}

}  // namespace

Result<toml::table> parse_toml(std::string_view text, const fs::path& file) {
  try {
    return toml::parse(text, file.string());
  } catch (const toml::parse_error& error) {
    return input_error("{}:{}:{}: not valid TOML: {}", file.string(), error.source().begin.line,
                       error.source().begin.column, error.description());
  }
}

std::string place_of(const fs::path& file, const toml::node& node) {
  return fmt::format("{}:{}", file.string(), node.source().begin.line);
}

Error at(const fs::path& file, const toml::node& node, std::string_view what) {
  return input_error("{}: {}", place_of(file, node), what);
}

Status set_params(const fs::path& file, const std::string& key, const toml::node& value, ParamOrigin origin,
                  Params& params) {
  if (const auto* table = value.as_table()) {
    for (const auto& [inner, one] : *table)
      TARSIER_CHECK(set_params(file, fmt::format("{}.{}", key, inner.str()), one, origin, params));
    return {};
  }
  auto converted = param_value(value);
  if (!converted) {
    return at(file, value, fmt::format("'{}' must be a number, a text, true/false or a list of names", key));
  }
  params.set_later(key, std::move(*converted), origin, place_of(file, value));
  return {};
}

std::string toml_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (uint8_t(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04X}", int(c));
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + '"';
}

std::string toml_text(const ParamValue& value) {
  struct Visitor {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const {
      std::string digits = fmt::format("{}", v);
      return digits.find_first_of(".en") == std::string::npos ? digits + ".0" : digits;
    }
    std::string operator()(const std::string& v) const { return toml_quoted(v); }
    std::string operator()(const std::vector<std::string>& v) const {
      std::string list;
      for (const auto& name : v) list += (list.empty() ? "" : ", ") + toml_quoted(name);
      return "[" + list + "]";
    }
  };
  return std::visit(Visitor{}, value);
}

}  // namespace tarsier::pipeline
