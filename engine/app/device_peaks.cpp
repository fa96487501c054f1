#include "app/device_peaks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "gpu/timestamps.hpp"

namespace tarsier::app {
namespace {

/// Forms of shaders/bench/arithmetic.comp: steps a round, vectors of four chains.
constexpr std::array<std::array<uint32_t, 2>, 4> kArithmeticForms = {{{4, 2}, {8, 2}, {8, 3}, {16, 3}}};
constexpr uint32_t kArithmeticWidth = 64, kArithmeticGroups = 1024;
constexpr uint32_t kCopyWidth = 64, kCopyPerLane = 8;
constexpr int kRepeats = 7;  // the best counts: a peak is what was reached once
constexpr int kEmptyDispatches = 64;
/// Long enough for timestamps of any resolution and for the device's clocks to rise.
constexpr double kLongEnoughMs = 4;
constexpr std::array<uint64_t, 4> kCopyBytes = {uint64_t(1) << 20, uint64_t(8) << 20, uint64_t(64) << 20,
                                                uint64_t(512) << 20};

/// Device time of what `record` records, in ms; the least of kRepeats after one run to warm up.
Result<double> best_ms(gpu::Device& device, const std::function<void(gpu::CommandList&)>& record) {
  TARSIER_TRY(const auto stamps, gpu::Timestamps::create(device, 2));
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i <= kRepeats; ++i) {
    TARSIER_CHECK(device.run_once([&](gpu::CommandList& list) {
      stamps.reset(list);
      stamps.write(list, 0);
      record(list);
      stamps.write(list, 1);
    }));
    TARSIER_TRY(const auto times, stamps.read_ms());
    if (i > 0) best = std::min(best, times[1] - times[0]);
  }
  return std::max(best, 1e-6);
}

struct ArithmeticPush {
  uint64_t target;
  uint32_t rounds;
  float factor, term;
};

Result<double> measure_arithmetic(gpu::Device& device, uint64_t target, uint32_t steps, uint32_t vectors) {
  TARSIER_TRY(const auto* pipeline, device.pipelines().get({"bench/arithmetic.comp", {steps, vectors}}));
  ArithmeticPush push{target, 1, 0.999F, 0.001F};  // converges to 1: neither infinite nor denormal
  while (true) {
    TARSIER_TRY(const double ms, best_ms(device, [&](gpu::CommandList& list) {
                  list.dispatch(*pipeline, push, {kArithmeticGroups, 1, 1});
                }));
    if (ms >= kLongEnoughMs || push.rounds >= 1U << 20) {
      const double flop = 2.0 * 4 * vectors * steps * push.rounds * kArithmeticWidth * kArithmeticGroups;
      return flop / ms * 1e-6;
    }
    push.rounds *= 2;
  }
}

/// GB/s of one size. Small copies are repeated within one submission, with a barrier between them, as the
/// layers of a network are.
Result<double> measure_copy(gpu::Device& device, const gpu::Buffer& source, const gpu::Buffer& target,
                            uint64_t bytes) {
  const struct { uint64_t source, target; } push{source.address(), target.address()};
  const auto groups = uint32_t(bytes / 2 / (uint64_t(16) * kCopyWidth * kCopyPerLane));
  const uint32_t rows = std::max(1U, groups / 32768);  // the grid's extents are 65535 at least
  const int repeats = int(std::clamp<uint64_t>(kCopyBytes[2] / bytes, 1, 32));
  double best = 0;
  for (const uint32_t wide : {0U, 1U}) {
    TARSIER_TRY(const auto* pipeline,
                device.pipelines().get({"bench/copy.comp", {wide, kCopyWidth, kCopyPerLane}}));
    TARSIER_TRY(const double ms, best_ms(device, [&](gpu::CommandList& list) {
                  for (int i = 0; i < repeats; ++i) {
                    list.barrier();
                    list.dispatch(*pipeline, push, {groups / rows, rows, 1});
                  }
                }));
    best = std::max(best, double(bytes) * repeats / ms * 1e-6);
  }
  return best;
}

Result<double> measure_dispatch(gpu::Device& device, uint64_t target) {
  TARSIER_TRY(const auto* pipeline, device.pipelines().get({"bench/arithmetic.comp", {4, 2}}));
  const ArithmeticPush push{target, 0, 0.999F, 0.001F};
  TARSIER_TRY(const double ms, best_ms(device, [&](gpu::CommandList& list) {
                for (int i = 0; i < kEmptyDispatches; ++i) {
                  list.barrier();
                  list.dispatch(*pipeline, push, {1, 1, 1});
                }
              }));
  return ms / kEmptyDispatches;
}

}  // namespace

double DevicePeaks::gb_per_s(uint64_t bytes) const {
  if (copies.empty()) return 0;
  if (bytes <= copies.front().bytes) return copies.front().gb_per_s;
  for (size_t i = 1; i < copies.size(); ++i) {
    const auto& low = copies[i - 1];
    const auto& high = copies[i];
    if (bytes > high.bytes) continue;
    const double part =
        std::log(double(bytes) / double(low.bytes)) / std::log(double(high.bytes) / double(low.bytes));
    return low.gb_per_s + part * (high.gb_per_s - low.gb_per_s);
  }
  return copies.back().gb_per_s;
}

double DevicePeaks::bound_ms(double gflop, uint64_t bytes) const {
  const double rate = gb_per_s(bytes);
  return std::max(gflop_per_s > 0 ? gflop / gflop_per_s * 1e3 : 0,
                  rate > 0 ? double(bytes) / rate * 1e-6 : 0);
}

Result<DevicePeaks> measure_peaks(gpu::Device& device) {
  DevicePeaks out;
  gpu::Buffer source;
  gpu::Buffer target;
  uint64_t have = 0;
  for (auto size = kCopyBytes.rbegin(); size != kCopyBytes.rend() && have == 0; ++size) {
    auto first = device.create_buffer({.size = *size / 2, .name = "copy source"});
    auto second = device.create_buffer({.size = *size / 2, .name = "copy target"});
    if (!first || !second) continue;
    source = *std::move(first);
    target = *std::move(second);
    have = *size;
  }
  if (have == 0) return runtime_error("{} has no memory for a copy of 1 MiB", device.info().name);
  // Pages that were never written may all be one page of zeros, which caches hold.
  TARSIER_CHECK(
      device.run_once([&](gpu::CommandList& list) { list.fill(source, 0, source.size(), 0x3F800000); }));
  for (const auto& [steps, vectors] : kArithmeticForms) {
    TARSIER_TRY(const double rate, measure_arithmetic(device, target.address(), steps, vectors));
    out.gflop_per_s = std::max(out.gflop_per_s, rate);
  }
  TARSIER_TRY(out.dispatch_ms, measure_dispatch(device, target.address()));
  for (const uint64_t bytes : kCopyBytes) {
    if (bytes > have) break;
    TARSIER_TRY(const double rate, measure_copy(device, source, target, bytes));
    out.copies.push_back({bytes, rate});
  }
  return out;
}

}  // namespace tarsier::app
