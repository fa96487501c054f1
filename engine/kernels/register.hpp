// Every operator family of the engine, one register function a file; registry.cpp calls them all. An explicit
// list, because a linker drops static initialisers of objects that nothing refers to.
#pragma once

namespace tarsier::kernels {

class Registry;

void register_bit_cast(Registry& registry);
void register_cast(Registry& registry);
void register_decoder_composites(Registry& registry);
void register_flex_attention(Registry& registry);
void register_linear_attention(Registry& registry);
void register_unary(Registry& registry);
void register_binary(Registry& registry);
void register_where(Registry& registry);
void register_conv(Registry& registry);  // ConvTranspose too
void register_batch_norm(Registry& registry);
void register_pool(Registry& registry);
void register_grid_sample(Registry& registry);  // AffineGrid too
void register_scatter(Registry& registry);      // GatherElements, GatherND too
void register_rearrange(Registry& registry);    // ReverseSequence, Compress, Col2Im, CenterCropPad
void register_roi(Registry& registry);          // RoiAlign, MaxRoiPool
void register_deform_conv(Registry& registry);
void register_normalize(Registry& registry);
void register_lrn(Registry& registry);
void register_reduce(Registry& registry);
void register_resize(Registry& registry);
void register_channels(Registry& registry);
void register_strided(Registry& registry);
void register_pad(Registry& registry);
void register_gather(Registry& registry);
void register_reshape(Registry& registry);
void register_shape_ops(Registry& registry);
void register_matmul(Registry& registry);
void register_softmax(Registry& registry);
void register_attention(Registry& registry);
void register_quantize(Registry& registry);
void register_matmul_integer(Registry& registry);
void register_conv_integer(Registry& registry);
void register_einsum(Registry& registry);
void register_recurrent(Registry& registry);
void register_attention_composites(Registry& registry);
void register_tf_idf(Registry& registry);
void register_top_k(Registry& registry);
void register_non_max_suppression(Registry& registry);
void register_non_zero(Registry& registry);  // Unique too
void register_control_flow(Registry& registry);
void register_sequence(Registry& registry);
void register_layout(Registry& registry);
void register_losses(Registry& registry);
void register_cumulative(Registry& registry);
void register_det(Registry& registry);
void register_generators(Registry& registry);
void register_fourier(Registry& registry);
void register_random(Registry& registry);

}  // namespace tarsier::kernels
