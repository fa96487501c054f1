// layers.jsonl of a session: what every layer of every network made in every frame, as digests.
// docs/SESSIONS.md has the format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "pipeline/frame_result.hpp"

namespace tarsier::record {

/// Makes lines, frame by frame: a network's layers are named once.
class LayerLines {
 public:
  void append(std::string& out, uint64_t frame_id, std::span<const pipeline::NetworkRun> runs);

 private:
  using Names = std::shared_ptr<const std::vector<std::string>>;
  std::vector<std::pair<std::string, Names>> known_;
};

/// Reads them again, frame by frame.
class SessionLayers {
 public:
  explicit SessionLayers(const std::filesystem::path& file) : file_(file.string()), in_(file) {}
  /// The next frame's; nullopt at the end, which comes early where the run was cut short, and at once where
  /// the session has none. Errors (kInput): a line that is none, with its place.
  Result<std::optional<std::vector<pipeline::NetworkRun>>> next();

 private:
  std::string file_;
  std::ifstream in_;
  uint64_t line_ = 0;
  std::vector<pipeline::NetworkRun> known_;  // without digests
};

/// The first layer, in the order of execution, in which two runs of a frame differ.
struct LayerDifference {
  std::string network, layer;
  size_t place = 0, layers = 0;  // of the layer among the network's; how many it has
  infer::LayerDigest was, is;
};

/// With `by` more than 0 layers are told apart by the mean and the largest of their magnitudes, which may be
/// that far apart as a fraction, instead of by their hashes. Layers and executions that only one side has are
/// left out: another device may fuse layers in another way.
[[nodiscard]] std::optional<LayerDifference> first_difference(std::span<const pipeline::NetworkRun> was,
                                                              std::span<const pipeline::NetworkRun> is,
                                                              double by);

}  // namespace tarsier::record
