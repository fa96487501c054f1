// Conv and ConvTranspose with any stride, dilation, padding and grouping. 2-D activations lie in kC4. Those
// of other ranks are written out as 2-D ones (conv_axes.cpp); a 1-D one that stays lies in kLinear. kVariants
// below lists the ways to run a node.
#include <algorithm>

#include "kernels/byte_weights.hpp"
#include "kernels/conv_emit.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

/// One way to run a convolution.
struct Variant {
  const char* name;
  /// 0: it can't run the node. Negative: it can, but is not worth trying on this device. Of those offered,
  /// the one with the highest figure is the best guess.
  int (*preference)(const ConvGeometry&, const gpu::DeviceFeatures&);
  Status (*emit)(ConvContext&);
  uint64_t (*scratch_bytes)(const ConvGeometry&) = nullptr;
};

template <int64_t kTile>
int prefer_winograd(const ConvGeometry& g, const gpu::DeviceFeatures& device) {
  if (!fits_conv_winograd(g, device, kTile)) return 0;
  // The transforms are worth it where each of their numbers takes part in enough products.
  const bool deep = std::min(g.in_channels, g.out_channels) >= 24 && g.out_plane() >= 256;
  if (std::min(g.in_channels, g.out_channels) < 8 || g.out_plane() < 36) return -1;
  return deep && device.software && kTile == 4 ? 35 : 25 + int(kTile);
}

template <int64_t kRows>
int prefer_shuffle(const ConvGeometry& g, const gpu::DeviceFeatures& device) {
  if (!fits_depthwise_shuffle(g, device, kRows)) return 0;
  return device.software ? 26 - int(kRows) : -1;
}

const Variant kVariants[] = {
    // One or few output pixels: squeeze-and-excite, classifier heads.
    {"vector", [](const ConvGeometry& g, const gpu::DeviceFeatures&) { return fits_conv_vector(g) ? 40 : 0; },
     emit_conv_vector},
    // 3x3 at stride 1 with a quarter (F(4 x 4)) or 4 / 9 (F(2 x 2)) of the products, and three passes.
    {"winograd4", prefer_winograd<4>, [](ConvContext& context) { return emit_conv_winograd(context, 4); },
     [](const ConvGeometry& g) { return winograd_scratch_bytes(g, 4); }},
    {"winograd2", prefer_winograd<2>, [](ConvContext& context) { return emit_conv_winograd(context, 2); },
     [](const ConvGeometry& g) { return winograd_scratch_bytes(g, 2); }},
    // group = 1; also a transposed one whose kernel is as large as its stride.
    {"dense",
     [](const ConvGeometry& g, const gpu::DeviceFeatures& device) {
       return fits_conv_dense(g, device) ? 30 : 0;
     },
     emit_conv_dense},
    // One input channel for one output channel.
    {"depthwise",
     [](const ConvGeometry& g, const gpu::DeviceFeatures&) { return fits_conv_depthwise(g) ? 20 : 0; },
     emit_conv_depthwise},
    // The same with fewer loads, which the software device does lane by lane. Tall tiles compile for long, so
    // only the tuner tries them.
    {"depthwise.shuffle", prefer_shuffle<4>,
     [](ConvContext& context) { return emit_depthwise_shuffle(context, 4); }},
    {"depthwise.shuffle8", prefer_shuffle<8>,
     [](ConvContext& context) { return emit_depthwise_shuffle(context, 8); }},
    // Groups of several channels.
    {"grouped",
     [](const ConvGeometry& g, const gpu::DeviceFeatures& device) {
       return fits_conv_grouped(g, device) ? 20 : 0;
     },
     emit_conv_grouped},
};

/// Anything, slowly: weights computed at run time, kLinear, any grouping.
const Variant kGeneric = {"generic", [](const ConvGeometry&, const gpu::DeviceFeatures&) { return -1; },
                          emit_conv_generic};

bool constant_weights(const OpView& view) {
  return view.data(1) != nullptr && (!view.has(2) || view.data(2) != nullptr);
}

/// Best guess first. The fast ones need constant weights and kC4.
std::vector<const Variant*> variants_for(const OpView& view, const ConvGeometry& g,
                                         const gpu::DeviceFeatures& device) {
  std::vector<const Variant*> found;
  const int64_t whole = view.node().integer("whole_numbers", 0);
  if (constant_weights(view) && g.rank == 4) {
    for (const Variant& variant : kVariants) {
      // Whole numbers (conv_integer.cpp): the sixths of the larger Winograd tiles round; where sums must be
      // exact (2), so may the quarters of the smaller ones.
      const std::string_view name = variant.name;
      if ((whole > 0 && name == "winograd4") || (whole > 1 && name == "winograd2")) continue;
      if (variant.preference(g, device) != 0) found.push_back(&variant);
    }
  }
  found.push_back(&kGeneric);
  std::ranges::stable_sort(found, std::greater{},
                           [&](const Variant* variant) { return variant->preference(g, device); });
  return found;
}

/// nullptr where it can't run the node; the best guess where none is asked for.
const Variant* find_variant(const std::vector<const Variant*>& found, const std::string& asked) {
  if (asked.empty()) return found.front();
  const auto chosen = std::ranges::find(found, asked, &Variant::name);
  return chosen == found.end() ? nullptr : *chosen;
}

class Convolution : public Operator {
 public:
  Convolution(std::string op_name, bool transposed)
      : Operator(std::move(op_name), 2, 3), transposed_(transposed) {
    writes_out_others();
  }

  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    LayoutChoice choice = all_layouts(node, Layout::kLinear);
    if (graph.shape(node.inputs[0]).size() == 4) {
      choice.inputs[0] = Layout::kC4;
      choice.outputs[0] = Layout::kC4;
    }
    return choice;
  }

  [[nodiscard]] bool accepts(const graph::Graph& graph, const graph::Node& node,
                             const graph::PostOp& post) const override {
    return graph.shape(node.outputs[0]).size() == 4 ? accepts_c4(graph, node, post)
                                                    : accepts_pointwise(graph, node, post);
  }

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const ConvGeometry g, conv_geometry(view, transposed_));
    const std::string& asked = emitter.node().variant;
    // Tiles come in more sizes than a table has rows: their names tell them.
    const auto tiles = constant_weights(view) ? TileVariant::parse(asked) : std::nullopt;
    const auto* variant = tiles ? nullptr : find_variant(variants_for(view, g, emitter.device()), asked);
    if (!tiles && variant == nullptr) return runtime_error("no variant '{}' for this node", asked);
    ConvContext context{emitter, g, {}, {}, emitter.input(0), emitter.output(0)};
    if (variant != &kGeneric) {
      context.weights = view.floats(1);
      if (view.has(2)) context.bias = view.floats(2);
    }
    return tiles ? emit_conv_tiled(context, *tiles) : variant->emit(context);
  }

  [[nodiscard]] std::vector<std::string> variants(const graph::Graph& graph, const graph::Node& node,
                                                  const gpu::DeviceFeatures& device) const override {
    const OpView view(graph, node);
    const auto g = conv_geometry(view, transposed_);
    std::vector<std::string> names;
    if (!g) return names;
    for (const Variant* variant : variants_for(view, *g, device)) {
      // The first also where nothing better is there.
      if (names.empty() || variant->preference(*g, device) > 0) names.emplace_back(variant->name);
    }
    // On GPUs, in front of all but the one for few pixels.
    const bool half = half_flag(graph.value(node.inputs[0])) != 0;
    if (!device.software && constant_weights(view) && fits_conv_tiled(*g, device)) {
      std::vector<std::string> tiles;
      for (const auto& tile : matrix_variants(conv_product(*g), device, half)) tiles.push_back(tile.name());
      const bool bytes =
          middle_of_bytes(node) && byte_weights(view.floats(1), g->out_channels, true).has_value();
      for (const auto& tile : tiled_variants(conv_product(*g), device, half, bytes))
        tiles.push_back(tile.name());
      names.insert(names.begin() + (fits_conv_vector(*g) ? 1 : 0), tiles.begin(), tiles.end());
    }
    return names;
  }

  [[nodiscard]] uint64_t scratch_bytes(const graph::Graph& graph, const graph::Node& node) const override {
    const auto g = conv_geometry(OpView(graph, node), transposed_);
    if (!g) return 0;
    if (const auto tiles = TileVariant::parse(node.variant)) return conv_tiled_scratch(*g, *tiles);
    const auto* variant = std::ranges::find(kVariants, node.variant, &Variant::name);
    const bool needs = variant != std::end(kVariants) && variant->scratch_bytes != nullptr;
    return needs ? variant->scratch_bytes(*g) : 0;
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const ConvGeometry g, conv_geometry(view, transposed_));
    return std::vector{TensorDesc{view.dtype(0), g.output_shape()}};
  }
  Status write_out(graph::NodeBuilder& builder) const override {
    const size_t rank = builder.shape(0).size();
    if (rank == 3) return write_conv_with_unit_axis(builder);
    return rank > 4 ? write_conv_over_batch(builder, transposed_) : Status();
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const ConvGeometry g, conv_geometry(view, transposed_));
    store(outputs[0],
          convolve(g, view.floats(0), view.floats(1), view.has(2) ? view.floats(2) : std::vector<float>{}));
    return {};
  }

 private:
  bool transposed_;
};

}  // namespace

std::vector<std::string> conv_variant_names(const graph::Graph& graph, const graph::Node& node,
                                            const gpu::DeviceFeatures& device) {
  const OpView view(graph, node);
  std::vector<std::string> names;
  const auto g = conv_geometry(view, node.op == "ConvTranspose");
  if (!g) return names;
  for (const Variant* variant : variants_for(view, *g, device)) names.emplace_back(variant->name);
  return names;
}

Storage ConvContext::input_storage() const {
  if (input.value->storage != DType::kF16) return Storage::kF32;
  return emitter.device().software ? Storage::kF16Shift : Storage::kF16;
}

uint32_t ConvContext::mask_flag() const {
  return geometry.out_channels % 4 != 0 && moves_zero(emitter.node()) ? 1 : 0;
}

Result<ConvTail> upload_tail(Emitter& emitter, const PostSetup& post, std::vector<float> bias,
                             int64_t channels, const std::vector<float>& behind) {
  struct Head {
    std::array<uint32_t, 4> zero{};
    PostPush post;
  };
  static_assert(sizeof(Head) == 48);
  const Head head{{}, post.push};
  bias.resize(size_t(channels), 0.0F);
  std::vector<std::byte> bytes;
  const auto append = [&](std::span<const std::byte> part) {
    bytes.insert(bytes.end(), part.begin(), part.end());
  };
  append(std::as_bytes(std::span(&head, 1)));
  append(std::as_bytes(std::span(bias)));
  append(std::as_bytes(std::span(behind)));
  TARSIER_TRY(const Weights weights, emitter.upload(bytes));
  return ConvTail{weights.address + sizeof(Head), post.kinds};
}

Result<ConvTail> upload_tail(const ConvContext& context, int64_t channels, const std::vector<float>& behind) {
  TARSIER_TRY(const PostSetup post, setup_post_ops(context.emitter));
  return upload_tail(context.emitter, post, context.bias, channels, behind);
}

void register_conv(Registry& registry) {
  registry.add(std::make_unique<Convolution>("Conv", false));
  registry.add(std::make_unique<Convolution>("ConvTranspose", true));
}

}  // namespace tarsier::kernels
