// Networks and their precision, to be swapped while frames go on. Dear ImGui only; a window must be open.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tarsier::overlay {

/// Networks that suit a parameter.
struct NetworkChoices {
  std::string key;
  std::vector<std::string> names;
};
/// Something that is being made.
struct Making {
  std::string what;  // empty: nothing is
  double fraction = -1;
};
struct NetworkView {
  struct Row {
    std::string key, name;  // "detect.model", "yolox_nano"
  };
  std::vector<Row> networks;
  std::vector<NetworkChoices> choices;  // once they were asked for
  std::string precision;
  Making progress;
};

struct NetworkEvents {
  bool list = false;                                           // the choices are wanted
  std::optional<std::pair<std::string, std::string>> network;  // key and name
  std::optional<std::string> precision;
};

/// Activation storage that a network may be compiled for.
inline constexpr const char* kPrecisions[] = {"fp32", "fp16", "auto"};

/// A bar with what is being made; nothing where nothing is.
void draw_making(const Making& making);

void draw_networks(const NetworkView& view, NetworkEvents& events);

}  // namespace tarsier::overlay
