#include "capture/source_name.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fmt/format.h>
#include <regex>

namespace tarsier::capture {
namespace {

constexpr std::string_view kScheme = "://";

bool begins_with_url(std::string_view spec) {
  const size_t end = spec.find(kScheme);
  return end != std::string_view::npos && end > 0 && !spec.starts_with("file://") &&
         std::ranges::all_of(spec.substr(0, end), [](char c) {
           return std::isalnum(uint8_t(c)) != 0 || c == '+' || c == '.' || c == '-';
         });
}

bool is_url(std::string_view spec) {
  return begins_with_url(spec) && spec.find(" ! ") == std::string_view::npos;
}

bool is_pipeline(std::string_view spec) {
  return !is_url(spec) && spec.find('!') != std::string_view::npos;
}

std::string shown_url(std::string_view url) {
  const size_t host = url.find(kScheme) + kScheme.size();
  std::string_view rest = url.substr(host);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  size_t user = authority.rfind('@');
  if (const size_t colon = authority.find(':');
      user == std::string_view::npos && colon != std::string_view::npos && !authority.starts_with('[')) {
    // A password may have one of /?# in it, against the rules. What is no port is one in any case.
    const bool port = authority.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
    user = port ? rest.substr(0, rest.find('?')).rfind('@') : rest.rfind('@');
  }
  if (user != std::string_view::npos) rest.remove_prefix(user + 1);
  return std::string(url.substr(0, host)).append(rest.substr(0, rest.find_first_of("?#")));
}

/// Properties of GStreamer's elements that tell sources apart. Any other may be a secret.
bool tells_place(std::string_view property) {
  static constexpr std::array<std::string_view, 10> kNames = {
      "location",  "uri",       "device", "device-index", "camera-name",
      "camera-id", "sensor-id", "host",   "address",      "port"};
  return std::ranges::find(kNames, property) != kNames.end();
}

/// Calls `visit(name, value, begin, end)` for each `name=value` of a pipeline, quotes dropped.
template <class Visit>
void each_property(const std::string& pipeline, Visit visit) {
  // A quote that never ends takes all with it: the pipeline is wrong then, but it may still be told.
  static const std::regex property(
      R"re((^|\s)([\w:.-]+)\s*=\s*((?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\\.|[^\s"'\\])+(?:["'][^]*)?|["'][^]*))re");
  for (std::sregex_iterator at(pipeline.begin(), pipeline.end(), property), end; at != end; ++at) {
    std::string value = (*at)[3].str();
    std::erase_if(value, [](char c) { return c == '"' || c == '\''; });
    visit((*at)[2].str(), value, size_t(at->position(2)), size_t(at->position(3) + at->length(3)));
  }
}

std::string shown_pipeline(const std::string& pipeline) {
  std::string out;
  size_t done = 0;
  if (begins_with_url(pipeline)) {  // GStreamer takes one for an element
    done = pipeline.find(' ');
    out = shown_url(pipeline.substr(0, done));
  }
  each_property(pipeline, [&](const std::string& name, const std::string& value, size_t begin, size_t end) {
    out.append(pipeline, done, begin - done);
    done = end;
    if (tells_place(name)) {
      const std::string shown = is_url(value) ? shown_url(value) : value;
      const bool quoted = shown.find_first_of(" \t\n") != std::string::npos;
      out += fmt::format("{0}={1}{2}{1}", name, quoted ? "\"" : "", shown);
    } else if (out.ends_with(' ')) {
      out.pop_back();
    }
  });
  return out.append(pipeline, done);
}

}  // namespace

std::string display_name(std::string_view spec) {
  if (is_pipeline(spec)) return shown_pipeline(std::string(spec));
  return is_url(spec) ? shown_url(spec) : std::string(spec);
}

std::string place_name(std::string_view spec) {
  std::string name = display_name(spec);
  if (is_pipeline(spec) && spec.find("appsink") != std::string_view::npos) {
    std::string place;
    each_property(name, [&](const std::string& property, const std::string& value, size_t, size_t) {
      if (place.empty() && tells_place(property)) place = value;
    });
    if (begins_with_url(name)) place = name.substr(0, name.find(' '));
    if (!place.empty() && !is_pipeline(place)) return place_name(place);
    uint32_t hash = 2166136261U;  // FNV-1a
    for (const char c : name) hash = (hash ^ uint8_t(c)) * 16777619U;
    return fmt::format("gstreamer-{:08x}", hash);
  }
  const bool url = is_url(name);
  if (url) name.erase(0, name.find(kScheme) + kScheme.size());
  const size_t last = name.find_last_not_of('/');
  if (last == std::string::npos) return std::string(spec);
  name.resize(last + 1);
  return url ? name : std::filesystem::path(name).filename().string();
}

}  // namespace tarsier::capture
