// What a run does, for Prometheus: GET /metrics over HTTP.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/profiler.hpp"
#include "core/result.hpp"

namespace tarsier::app {

class MetricsServer {
 public:
  /// Listens at "PORT" of the loopback address, or "HOST:PORT"; port 0 is a free one. Errors (kInput): what
  /// is no such address, a port that is taken or not allowed.
  static Result<std::unique_ptr<MetricsServer>> open(const std::string& address);
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  void describe(const std::string& device, const std::string& driver, const std::string& pipeline);
  /// Adds a frame that is done. From one thread; requests are answered on others meanwhile.
  void add(const FrameProfile& frame);
  /// "http://127.0.0.1:9090/metrics"
  [[nodiscard]] const std::string& url() const;

 private:
  MetricsServer();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarsier::app
