#include "infer/plan_emitter.hpp"

#include "infer/device_tensor.hpp"

namespace tarsier::infer {

using kernels::Operand;

Operand PlanEmitter::at(graph::ValueId value) const {
  if (value == graph::kNone) return {};
  return {(*addresses_)[size_t(value)], &graph_->value(value)};
}

Operand PlanEmitter::input(size_t index) const {
  return index < node_->inputs.size() ? at(node_->inputs[index]) : Operand{};
}

Operand PlanEmitter::output(size_t index) const {
  return index < node_->outputs.size() ? at(node_->outputs[index]) : Operand{};
}

Operand PlanEmitter::operand(graph::ValueId value) {
  Operand out = at(value);
  const graph::Tensor* constant = graph_->constant(value);
  if (constant == nullptr || out.address != 0) return out;
  const auto& described = *out.value;
  const auto storage = is_real(described.desc.dtype) ? described.storage : graph::DType::kI32;
  auto stored = upload(to_device(*constant, described.layout, storage));
  if (!stored) {
    failure_ = stored.error();
    return out;
  }
  out.address = stored->address;
  return out;
}

void PlanEmitter::dispatch(kernels::Dispatch dispatch) {
  const auto& most = features_->max_groups;
  for (size_t i = 0; i < most.size(); ++i)
    if (dispatch.groups[i] > most[i])
      failure_ = runtime_error("a grid of {} workgroups (the device takes {})", dispatch.groups[i], most[i]);
  dispatches_->push_back(std::move(dispatch));
}

}  // namespace tarsier::infer
