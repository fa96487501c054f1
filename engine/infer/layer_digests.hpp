// Digests of what every layer of some networks makes in a frame.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "gpu/buffer.hpp"
#include "infer/layer_digest.hpp"
#include "infer/plan.hpp"

namespace tarsier::infer {

/// An execution of a plan.
struct PlanDigests {
  const Plan* plan = nullptr;
  std::vector<LayerDigest> layers;  // in the order of Plan::layers()
};

/// Digests all layers of the plans that it taps, on the device; the host learns some kilobytes a network, by
/// a copy. Single thread, one frame at a time: read() before the next begin().
class LayerDigests {
 public:
  static Result<std::unique_ptr<LayerDigests>> create(gpu::Device& device);
  ~LayerDigests();

  /// Before anything of a frame is recorded.
  void begin();
  /// The tap for this plan, which lives as long as this; the plan need not.
  LayerTap& tap(const Plan& plan);
  /// Asks for a copy of what was tapped since begin(), behind it in the commands.
  void read_back(gpu::CommandList& commands) const;
  /// The executions in their order, once the device is done with the copy. What has no room in 4 MiB, several
  /// hundred large layers at least, is left out by whole executions.
  [[nodiscard]] std::vector<PlanDigests> read() const;

 private:
  class Tap;
  /// The rows of one output, one a lane.
  struct Part {
    uint32_t layer = 0, first = 0, rows = 0;
    uint64_t elements = 0;  // 0: no reals
  };
  struct Execution {
    const Plan* plan = nullptr;
    std::vector<Part> parts;
    bool whole = true;
  };
  LayerDigests() = default;
  void digest(gpu::CommandList& commands, Execution& execution, const PlanLayer& layer);

  const gpu::ComputePipeline* pipeline_ = nullptr;
  gpu::Buffer table_, copy_;
  std::vector<std::unique_ptr<Tap>> taps_;
  std::vector<Execution> executions_;
  uint32_t used_ = 0;  // rows
};

}  // namespace tarsier::infer
