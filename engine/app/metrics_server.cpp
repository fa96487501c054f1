#include "app/metrics_server.hpp"

#include <array>
#include <charconv>
#include <exception>
#include <fmt/format.h>
#include <map>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "gpu/memory_owner.hpp"

namespace tarsier::app {
namespace {

using prometheus::Counter;
using prometheus::Family;

/// Host and port of "9090", "0.0.0.0:9090" or "[::]:9090".
Result<std::pair<std::string, uint16_t>> parse_address(const std::string& text) {
  const size_t colon = text.rfind(':');
  const std::string host = colon == std::string::npos ? "127.0.0.1" : text.substr(0, colon);
  const std::string digits = text.substr(colon == std::string::npos ? 0 : colon + 1);
  uint16_t port = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  // The library would take a comma for the beginning of a second address.
  const bool plain =
      !host.empty() && host.find_first_not_of("0123456789abcdefABCDEF.:[]") == std::string::npos;
  if (code != std::errc() || end != digits.data() + digits.size() || !plain)
    return input_error("--metrics {}: write a port, or an address and a port: 9090, 0.0.0.0:9090", text);
  return std::pair(host, port);
}

/// A counter for each value of one label.
class Labelled {
 public:
  Labelled(prometheus::Registry& registry, const char* name, const char* help, const char* label)
      : family_(prometheus::BuildCounter().Name(name).Help(help).Register(registry)), label_(label) {}
  Counter& operator[](std::string_view value) {
    const auto known = counters_.find(value);
    if (known != counters_.end()) return *known->second;
    Counter& made = family_.Add({{label_, std::string(value)}});
    counters_.emplace(value, &made);
    return made;
  }

 private:
  Family<Counter>& family_;
  const char* label_;
  std::map<std::string, Counter*, std::less<>> counters_;
};

}  // namespace

struct MetricsServer::Impl {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  Counter& frames = counter("tarsier_frames_total", "Frames that were processed.");
  Counter& uploaded = counter("tarsier_upload_bytes_total", "Bytes that the host wrote for the device.");
  Counter& read_back = counter("tarsier_readback_bytes_total", "Bytes that were copied from the device.");
  Labelled drops{*registry, "tarsier_drops_total", "Frames that were not handed out, by reason.", "reason"};
  Labelled device_seconds{*registry, "tarsier_device_seconds_total", "Device time, by pass.", "pass"};
  Labelled host_seconds{*registry, "tarsier_host_seconds_total",
                        "Time of the thread that records frames, by what it did.", "stage"};
  prometheus::Histogram& age =
      prometheus::BuildHistogram()
          .Name("tarsier_frame_age_seconds")
          .Help("Time from capture to output.")
          .Register(*registry)
          .Add({}, prometheus::Histogram::BucketBoundaries{0.005, 0.01, 0.02, 0.033, 0.05, 0.075, 0.1, 0.15,
                                                           0.2, 0.3, 0.5, 0.75, 1, 2, 5});
  Family<prometheus::Gauge>& memory = prometheus::BuildGauge()
                                          .Name("tarsier_device_memory_bytes")
                                          .Help("Device memory that is allocated, by owner.")
                                          .Register(*registry);
  std::array<prometheus::Gauge*, gpu::kMemoryOwners> memory_of{};
  std::string url;
  std::unique_ptr<prometheus::Exposer> exposer;  // last: it ends before what it shows

  Impl() {
    for (size_t i = 0; i < memory_of.size(); ++i)
      memory_of[i] = &memory.Add({{"owner", gpu::kMemoryOwnerNames[i]}});
  }
  Counter& counter(const char* name, const char* help) const {
    return prometheus::BuildCounter().Name(name).Help(help).Register(*registry).Add({});
  }
};

MetricsServer::MetricsServer() : impl_(std::make_unique<Impl>()) {}
MetricsServer::~MetricsServer() = default;

Result<std::unique_ptr<MetricsServer>> MetricsServer::open(const std::string& address) {
  TARSIER_TRY(const auto parsed, parse_address(address));
  const auto& [host, port] = parsed;
  std::unique_ptr<MetricsServer> server(new MetricsServer);
  Impl& impl = *server->impl_;
  try {
    impl.exposer = std::make_unique<prometheus::Exposer>(fmt::format("{}:{}", host, port));
  } catch (const std::exception&) {  // it does not say why
    return input_error("--metrics {}: nothing can listen there; the port may be taken: choose another one",
                       address);
  }
  impl.exposer->RegisterCollectable(impl.registry);
  impl.url = fmt::format("http://{}:{}/metrics", host, impl.exposer->GetListeningPorts().at(0));
  return server;
}

const std::string& MetricsServer::url() const {
  return impl_->url;
}

void MetricsServer::describe(const std::string& device, const std::string& driver,
                             const std::string& pipeline) {
  prometheus::BuildGauge()
      .Name("tarsier_info")
      .Help("What runs, as labels.")
      .Register(*impl_->registry)
      .Add({{"device", device}, {"driver", driver}, {"pipeline", pipeline}, {"version", TARSIER_VERSION}})
      .Set(1);
}

void MetricsServer::add(const FrameProfile& frame) {
  Impl& impl = *impl_;
  impl.frames.Increment();
  impl.uploaded.Increment(double(frame.upload_bytes));
  impl.read_back.Increment(double(frame.readback_bytes));
  impl.age.Observe(frame.age_ms() * 1e-3);
  for (const ProfileSpan& span : frame.spans) {
    if (span.track == ProfileSpan::Track::kDevice) impl.device_seconds[span.name].Increment(span.ms() * 1e-3);
    if (span.track == ProfileSpan::Track::kHost) impl.host_seconds[span.name].Increment(span.ms() * 1e-3);
  }
  for (const auto& [reason, count] : frame.drops) {
    Counter& drops = impl.drops[reason];
    drops.Increment(double(count) - drops.Value());
  }
  const gpu::MemoryUse use = gpu::memory_use();
  for (size_t i = 0; i < use.size(); ++i) impl.memory_of[i]->Set(double(use[i]));
}

}  // namespace tarsier::app
