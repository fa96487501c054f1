// What the tuner found out, kept on disk: which variant of its kernel runs a node fastest on a device.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "gpu/device.hpp"

namespace tarsier::infer {

struct TunedChoice {
  std::string variant;
  bool full = false;  // measured by --tune full
  double ms = 0;      // its time, for people who read the file
};

/// One file for a device, its driver, the width of its vectors and this program's shaders: a change of any of
/// them asks for new measurements. A damaged file counts as empty; one that can't be written costs time at
/// the next start, nothing else.
class TuningStore {
 public:
  explicit TuningStore(std::filesystem::path file);
  /// cache_dir() / "tuning" / <of this device>.json
  static std::filesystem::path default_file(const gpu::Device& device);

  [[nodiscard]] std::optional<TunedChoice> find(const std::string& key) const;
  void put(const std::string& key, TunedChoice choice);
  /// Adds what was put to what the file holds by now.
  void save();

 private:
  std::filesystem::path file_;
  std::map<std::string, TunedChoice> choices_;
  bool changed_ = false;
};

}  // namespace tarsier::infer
