#include "app/network_runs.hpp"

#include <algorithm>

namespace tarsier::app {

Result<std::unique_ptr<NetworkRuns>> NetworkRuns::create(
    gpu::Device& device, std::span<const std::unique_ptr<pipeline::Stage>> stages) {
  std::unique_ptr<NetworkRuns> runs(new NetworkRuns);
  TARSIER_TRY(runs->digests_, infer::LayerDigests::create(device));
  for (const auto& stage : stages) {
    for (auto& named : stage->networks()) {
      std::vector<std::string> layers;
      for (const auto& layer : named.network->plan().layers()) {
        std::string name = fmt::format("{} {}", layer.name, layer.op);
        for (const auto& output : layer.outputs)
          name += fmt::format(" {}", graph::to_string(output.desc.shape));
        layers.push_back(std::move(name));
      }
      runs->known_.push_back(
          {std::move(named), std::make_shared<const std::vector<std::string>>(std::move(layers))});
    }
  }
  return runs;
}

void NetworkRuns::begin() {
  digests_->begin();
  for (const Known& one : known_) one.network.network->taps().add(digests_->tap(one.network.network->plan()));
}

void NetworkRuns::end(gpu::CommandList& commands) {
  for (const Known& one : known_)
    one.network.network->taps().remove(digests_->tap(one.network.network->plan()));
  digests_->read_back(commands);
}

std::vector<pipeline::NetworkRun> NetworkRuns::read() const {
  std::vector<pipeline::NetworkRun> runs;
  for (auto& execution : digests_->read()) {
    const auto known = std::ranges::find_if(
        known_, [&](const Known& one) { return &one.network.network->plan() == execution.plan; });
    runs.push_back({known->network.name, known->layers, std::move(execution.layers)});
  }
  return runs;
}

}  // namespace tarsier::app
