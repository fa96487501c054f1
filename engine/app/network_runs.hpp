// What the networks of a side made in a frame, layer by layer, for sessions.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "infer/layer_digests.hpp"
#include "pipeline/stage.hpp"

namespace tarsier::app {

/// One frame at a time: read() before the next begin().
class NetworkRuns {
 public:
  /// Of these stages, which outlive this.
  static Result<std::unique_ptr<NetworkRuns>> create(
      gpu::Device& device, std::span<const std::unique_ptr<pipeline::Stage>> stages);
  /// Layers of what is recorded until end() are digested.
  void begin();
  void end(gpu::CommandList& commands);
  /// Once the device is done with the frame.
  [[nodiscard]] std::vector<pipeline::NetworkRun> read() const;

 private:
  struct Known {
    pipeline::NamedNetwork network;
    std::shared_ptr<const std::vector<std::string>> layers;  // their names
  };
  NetworkRuns() = default;
  std::unique_ptr<infer::LayerDigests> digests_;
  std::vector<Known> known_;
};

}  // namespace tarsier::app
