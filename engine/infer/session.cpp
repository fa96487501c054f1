#include <algorithm>
#include <cstring>

#include "infer/device_tensor.hpp"
#include "infer/plan.hpp"

namespace tarsier::infer {
namespace {

constexpr uint32_t kGuardWord = 0xDEADBEEF;

Status fill_guards(gpu::Device& device, const Plan& plan) {
  return device.run_once([&](gpu::CommandList& list) {
    for (const auto& guard : plan.guards())
      list.fill(plan.activations(), guard.offset, guard.size, kGuardWord);
  });
}

Status check_guards(gpu::Device& device, const Plan& plan) {
  for (const auto& guard : plan.guards()) {
    std::vector<uint32_t> words(guard.size / 4);
    TARSIER_CHECK(device.download(plan.activations(), guard.offset, words.data(), words.size() * 4));
    const auto bad = std::ranges::find_if(words, [](uint32_t word) { return word != kGuardWord; });
    if (bad == words.end()) continue;
    const auto& graph = plan.graph();
    const auto id = graph.find_value(guard.owner);
    const auto producer = id == graph::kNone ? graph::kNone : graph.value(id).producer;
    return runtime_error("a kernel wrote {} bytes behind value '{}' (made by {})", (bad - words.begin()) * 4,
                         guard.owner,
                         producer == graph::kNone ? "the caller" : graph.nodes[size_t(producer)].op);
  }
  return {};
}

}  // namespace

Result<std::vector<graph::Tensor>> Session::run(const std::vector<graph::Tensor>& inputs) {
  const auto& wanted = plan_->inputs();
  const gpu::Buffer& memory = plan_->activations();
  if (inputs.size() != wanted.size()) {
    return input_error("the network takes {} inputs, {} were given", wanted.size(), inputs.size());
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto& binding = wanted[i];
    if (inputs[i].shape() != binding.desc.shape) {
      return input_error("input '{}' has shape {}, the network takes {}", binding.name,
                         graph::to_string(inputs[i].shape()), graph::to_string(binding.desc.shape));
    }
    const auto bytes = to_device(inputs[i], binding.layout, binding.storage);
    TARSIER_CHECK(device_->upload(memory, binding.address - memory.address(), bytes.data(), bytes.size()));
  }
  if (!plan_->guards().empty()) TARSIER_CHECK(fill_guards(*device_, *plan_));
  TARSIER_CHECK(device_->run_once([&](gpu::CommandList& list) { plan_->record(list); }));
  if (!plan_->guards().empty()) TARSIER_CHECK(check_guards(*device_, *plan_));
  std::vector<graph::Tensor> outputs;
  for (const auto& binding : plan_->outputs()) {
    std::vector<std::byte> bytes(device_bytes(binding.desc.shape, binding.layout, binding.storage));
    TARSIER_CHECK(device_->download(memory, binding.address - memory.address(), bytes.data(), bytes.size()));
    outputs.push_back(from_device(bytes, binding.desc, binding.layout, binding.storage));
  }
  return outputs;
}

}  // namespace tarsier::infer
