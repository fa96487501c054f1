#include "infer/layer_digests.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "gpu/device.hpp"
#include "gpu/pipeline.hpp"
#include "infer/device_tensor.hpp"

namespace tarsier::infer {
namespace {

// As in shaders/kernels/layer_digest.comp.
struct Push {
  uint64_t data, result;
  uint32_t words, last_mask, kind, pairs;
};
struct Row {
  uint64_t hash;
  float sum, most;
};
constexpr uint32_t kLanes = 8;
constexpr uint32_t kHashed = 0, kFloats = 1, kHalves = 2;

/// Enough to keep a device busy with a large layer, and few bytes for a small one. Part of the format: the
/// sums of floats depend on it.
constexpr uint32_t kMostGroups = 64, kWordsPerGroup = 8192;
constexpr uint64_t kTableBytes = uint64_t{4} << 20;

uint32_t kind_of(graph::DType storage) {
  if (storage == graph::DType::kF32) return kFloats;
  return storage == graph::DType::kF16 ? kHalves : kHashed;
}

}  // namespace

class LayerDigests::Tap final : public LayerTap {
 public:
  Tap(LayerDigests& owner, const Plan& plan) : owner_(owner), plan_(plan) {}
  [[nodiscard]] bool is_of(const Plan& plan) const { return &plan == &plan_; }
  void before(gpu::CommandList&, const PlanLayer& layer) override {
    if (layer.place == 0) owner_.executions_.push_back({.plan = &plan_, .parts = {}});
  }
  void behind(gpu::CommandList& commands, const PlanLayer& layer) override {
    owner_.digest(commands, owner_.executions_.back(), layer);
  }

 private:
  LayerDigests& owner_;
  const Plan& plan_;
};

Result<std::unique_ptr<LayerDigests>> LayerDigests::create(gpu::Device& device) {
  std::unique_ptr<LayerDigests> digests(new LayerDigests);
  TARSIER_TRY(digests->pipeline_,
              device.pipelines().get({.shader = "kernels/layer_digest.comp", .constants = {}}));
  TARSIER_TRY(digests->table_, device.create_buffer({.size = kTableBytes, .name = "digests of layers"}));
  TARSIER_TRY(digests->copy_, device.create_buffer({.size = kTableBytes,
                                                    .memory = gpu::Memory::kReadback,
                                                    .name = "digests of layers on the host"}));
  return digests;
}

LayerDigests::~LayerDigests() = default;

void LayerDigests::begin() {
  executions_.clear();
  used_ = 0;
}

LayerTap& LayerDigests::tap(const Plan& plan) {
  const auto known = std::ranges::find_if(taps_, [&](const auto& tap) { return tap->is_of(plan); });
  if (known != taps_.end()) return **known;
  return *taps_.emplace_back(std::make_unique<Tap>(*this, plan));
}

void LayerDigests::digest(gpu::CommandList& commands, Execution& execution, const PlanLayer& layer) {
  for (const TensorBinding& output : layer.outputs) {
    const uint64_t bytes = device_bytes(output.desc.shape, output.layout, output.storage);
    const auto words = uint32_t((bytes + 3) / 4);
    if (words == 0) continue;
    const uint32_t groups = std::clamp(words / kWordsPerGroup, 1U, kMostGroups), rows = groups * kLanes;
    if (uint64_t(used_ + rows) * sizeof(Row) > kTableBytes) {
      execution.whole = false;
      return;
    }
    const uint32_t kind = kind_of(output.storage), rest = uint32_t(bytes % 4);
    commands.dispatch(*pipeline_,
                      Push{output.address, table_.address() + uint64_t(used_) * sizeof(Row), words,
                           rest == 0 ? ~0U : (1U << (8 * rest)) - 1, kind, output.address % 8 == 0},
                      {groups, 1, 1});
    const auto elements = uint64_t(graph::element_count(output.desc.shape));
    execution.parts.push_back({uint32_t(layer.place), used_, rows, kind == kHashed ? 0 : elements});
    used_ += rows;
  }
}

void LayerDigests::read_back(gpu::CommandList& commands) const {
  if (used_ == 0) return;
  commands.barrier(gpu::Scope::kCompute, gpu::Scope::kTransfer);
  commands.read_back(table_, 0, copy_, 0, uint64_t(used_) * sizeof(Row));
}

std::vector<PlanDigests> LayerDigests::read() const {
  std::vector<PlanDigests> read;
  const auto* table = static_cast<const std::byte*>(copy_.mapped());
  for (const Execution& execution : executions_) {
    if (!execution.whole) continue;
    PlanDigests& plan = read.emplace_back();
    plan.plan = execution.plan;
    plan.layers.resize(execution.plan->layers().size());
    std::vector<double> sums(plan.layers.size());
    std::vector<uint64_t> elements(plan.layers.size());
    for (const Part& part : execution.parts) {
      LayerDigest& layer = plan.layers[part.layer];
      uint64_t hash = 0;
      for (uint32_t i = part.first; i < part.first + part.rows; ++i) {
        Row row;
        std::memcpy(&row, table + uint64_t(i) * sizeof row, sizeof row);
        hash += row.hash;
        sums[part.layer] += double(row.sum);
        layer.largest = std::max(layer.largest, row.most);
      }
      layer.hash = std::rotl(layer.hash, 7) + hash;  // two outputs that swap places are another hash
      elements[part.layer] += part.elements;
    }
    for (size_t i = 0; i < sums.size(); ++i)
      if (elements[i] > 0) plan.layers[i].mean = float(sums[i] / double(elements[i]));
  }
  return read;
}

}  // namespace tarsier::infer
