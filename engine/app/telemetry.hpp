// What a run tells of its own cost while it runs: --trace and --metrics.
#pragma once

#include <cstdio>
#include <memory>

#include "app/frame_loop.hpp"
#include "app/metrics_server.hpp"
#include "app/run_options.hpp"
#include "record/trace_writer.hpp"

namespace tarsier::app {

class Telemetry {
 public:
  /// Before anything takes long. Errors (kInput): a place or a port that cannot be had.
  Status open(const RunOptions& options);
  /// From now on each frame of `loop`, which this outlives, is told.
  void follow(FrameLoop& loop, const gpu::Device& device, const gpu::FrameRing& ring,
              const std::string& pipeline, const std::string& source);
  /// Puts the trace in place and tells `to` where.
  void finish(std::FILE* to);

 private:
  std::unique_ptr<record::TraceWriter> trace_;
  std::unique_ptr<MetricsServer> metrics_;
};

}  // namespace tarsier::app
