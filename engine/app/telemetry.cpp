#include "app/telemetry.hpp"

#include "core/console.hpp"
#include "core/log.hpp"

namespace tarsier::app {

Status Telemetry::open(const RunOptions& options) {
  if (!options.trace.empty()) {
    TARSIER_TRY(trace_, record::TraceWriter::open(options.trace));
  }
  if (!options.metrics.empty()) {
    TARSIER_TRY(metrics_, MetricsServer::open(options.metrics));
    log::info("metrics at {}", metrics_->url());
  }
  return {};
}

void Telemetry::follow(FrameLoop& loop, const gpu::Device& device, const gpu::FrameRing& ring,
                       const std::string& pipeline, const std::string& source) {
  if (!trace_ && !metrics_) return;
  const gpu::DeviceInfo& info = device.info();
  if (trace_) {
    trace_->begin({{"program", fmt::format("tarsier {}", TARSIER_VERSION)},
                   {"pipeline", pipeline},
                   {"source", source},
                   {"device", info.name},
                   {"driver", info.driver},
                   {"device clock", !device.features().timestamps ? "none: the device has no timestamps"
                                    : ring.calibrated()
                                        ? "calibrated against the host's (VK_EXT_calibrated_timestamps)"
                                        : "not calibrated: a frame's passes begin when it is submitted, or "
                                          "when the frame before it ends"}});
  }
  if (metrics_) metrics_->describe(info.name, info.driver, pipeline);
  loop.on_profile([this](const FrameProfile& frame) {
    if (trace_) trace_->write(frame);
    if (metrics_) metrics_->add(frame);
  });
}

void Telemetry::finish(std::FILE* to) {
  if (trace_ && trace_->finish())
    put(to, fmt::format("trace       {}: {} frames, for ui.perfetto.dev\n", trace_->path().string(),
                        trace_->frames()));
}

}  // namespace tarsier::app
