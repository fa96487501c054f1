#include <algorithm>

#include "kernels/kernel.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {

const Registry& Registry::instance() {
  static const Registry registry = [] {
    Registry all;
    register_bit_cast(all);
    register_cast(all);
    register_decoder_composites(all);
    register_flex_attention(all);
    register_linear_attention(all);
    register_unary(all);
    register_binary(all);
    register_channels(all);
    register_strided(all);
    register_pad(all);
    register_gather(all);
    register_reshape(all);
    register_shape_ops(all);
    register_where(all);
    register_batch_norm(all);
    register_pool(all);
    register_grid_sample(all);
    register_scatter(all);
    register_rearrange(all);
    register_roi(all);
    register_deform_conv(all);
    register_normalize(all);
    register_lrn(all);
    register_conv(all);
    register_reduce(all);
    register_resize(all);
    register_matmul(all);
    register_softmax(all);
    register_attention(all);
    register_quantize(all);
    register_matmul_integer(all);
    register_conv_integer(all);
    register_einsum(all);
    register_recurrent(all);
    register_attention_composites(all);
    register_tf_idf(all);
    register_top_k(all);
    register_non_max_suppression(all);
    register_non_zero(all);
    register_control_flow(all);
    register_sequence(all);
    register_layout(all);
    register_losses(all);
    register_cumulative(all);
    register_det(all);
    register_generators(all);
    register_fourier(all);
    register_random(all);
    return all;
  }();
  return registry;
}

void Registry::add(std::unique_ptr<Kernel> kernel) {
  kernels_.push_back(std::move(kernel));
}

const Kernel* Registry::find(std::string_view op) const {
  const auto at =
      std::find_if(kernels_.begin(), kernels_.end(), [&](const auto& kernel) { return kernel->name == op; });
  return at == kernels_.end() ? nullptr : at->get();
}

std::vector<const Kernel*> Registry::all() const {
  std::vector<const Kernel*> kernels;
  for (const auto& kernel : kernels_) kernels.push_back(kernel.get());
  std::sort(kernels.begin(), kernels.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  return kernels;
}

}  // namespace tarsier::kernels
