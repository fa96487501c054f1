// Operators that rename a row-major tensor's shape: Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout
// (inference). The planner shares memory through in_place_input(), and then nothing is dispatched.
#include <algorithm>

#include "core/number.hpp"
#include "kernels/register.hpp"
#include "kernels/strided.hpp"

namespace tarsier::kernels {
namespace {

class Alias : public Operator {
 public:
  using Operator::Operator;
  [[nodiscard]] int in_place_input(const graph::Graph&, const graph::Node&) const override { return 0; }
  Status emit(Emitter& emitter) const override {
    const Operand out = emitter.output(0);
    const graph::Value& in = emitter.graph().value(emitter.node().inputs[0]);
    TARSIER_TRY(const uint64_t source,
                input_address(emitter, 0, out.value->layout, half_flag(*out.value) != 0));
    if (source == out.address) return {};
    int64_t words = graph::element_count(in.desc.shape);
    if (is_c4(out)) {
      const Nchw d(in.desc.shape);
      words = d.n * d.groups() * d.plane() * (half_flag(*out.value) != 0 ? 2 : 4);
    }
    return emit_strided_copy(emitter, {{words}, {1}, {1}}, source, out.address);
  }

 protected:
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    outputs[0] = view.data(0)->reshaped(outputs[0].shape());
    return {};
  }
};

class Identity : public Alias {
 public:
  explicit Identity(std::string op_name, size_t max_inputs = 1) : Alias(std::move(op_name), 1, max_inputs) {}
  [[nodiscard]] LayoutChoice layouts(const graph::Graph& graph, const graph::Node& node) const override {
    LayoutChoice choice = follow_input(graph, node);
    std::fill(choice.inputs.begin() + 1, choice.inputs.end(), Layout::kLinear);
    return choice;
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    return std::vector{view.desc(0)};
  }
};

class Reshape : public Alias {
 public:
  Reshape() : Alias("Reshape", 2, 2) { needs_values({1}); }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(Shape shape, view.constant_ints(1, "shape"));
    const Shape& from = view.shape(0);
    int64_t known = 1;
    auto free = shape.end();
    for (auto extent = shape.begin(); extent != shape.end(); ++extent) {
      const auto d = size_t(extent - shape.begin());
      if (*extent == 0 && view.node().integer("allowzero", 0) == 0) {
        if (d >= from.size()) return input_error("extent 0 of axis {} copies from no axis", d);
        *extent = from[d];
      }
      if (*extent < -1) return input_error("extent {} of axis {}", *extent, d);
      if (*extent == -1) {
        if (free != shape.end()) return input_error("more than one extent of -1");
        free = extent;
      } else {
        known = saturated_product(known, *extent);
      }
    }
    const int64_t count = graph::element_count(from);
    if (free != shape.end()) *free = known == 0 ? 0 : count / known;
    if (graph::element_count(shape) != count) {
      return input_error("{} does not reshape to {}", graph::to_string(from), graph::to_string(view.ints(1)));
    }
    return std::vector{TensorDesc{view.dtype(0), std::move(shape)}};
  }
};

class Flatten : public Alias {
 public:
  Flatten() : Alias("Flatten", 1, 1) {}

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    int64_t axis = view.node().integer("axis", 1);
    const int64_t rank = view.rank(0);
    if (axis < -rank || axis > rank) return input_error("axis {} of a tensor of rank {}", axis, rank);
    if (axis < 0) axis += rank;
    Shape shape{1, 1};
    for (int64_t d = 0; d < rank; ++d) shape[d < axis ? 0 : 1] *= view.shape(0)[size_t(d)];
    return std::vector{TensorDesc{view.dtype(0), shape}};
  }
};

/// Opsets before 7: input 1 as it broadcasts against input 0 where its first axis is axis `axis` there.
class AlignAxes : public Composite {
 public:
  AlignAxes() : Composite("AlignAxes", 2, 2) {}

 protected:
  Status write_out(graph::NodeBuilder& builder) const override {
    const auto rank = int64_t(builder.shape(0).size());
    Shape shape = builder.shape(1);
    if (graph::element_count(shape) == 1) {
      builder.finish("Reshape", {builder.input(1), builder.ints({})});
      return {};
    }
    TARSIER_TRY(const int64_t axis,
                normalize_axis(builder.node().integer("axis", 0), std::max<int64_t>(rank, 1)));
    if (axis + int64_t(shape.size()) > rank)
      return input_error("axis {}: {} does not fit {}", axis, graph::to_string(shape),
                         graph::to_string(builder.shape(0)));
    while (axis + int64_t(shape.size()) < rank) shape.push_back(1);
    builder.finish("Reshape", {builder.input(1), builder.ints(shape)});
    return {};
  }
};

class Squeeze : public Alias {
 public:
  Squeeze() : Alias("Squeeze", 1, 2) { needs_values({1}); }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    const int64_t rank = view.rank(0);
    std::vector<bool> drop(size_t(rank), false);
    if (view.has(1)) {
      TARSIER_TRY(const auto axes, view.constant_ints(1, "axes"));
      for (const int64_t given : axes) {
        TARSIER_TRY(const int64_t axis, normalize_axis(given, rank));
        if (view.shape(0)[size_t(axis)] != 1) {
          return input_error("axis {} of {} is not 1", axis, graph::to_string(view.shape(0)));
        }
        drop[size_t(axis)] = true;
      }
    } else {
      for (size_t d = 0; d < drop.size(); ++d) drop[d] = view.shape(0)[d] == 1;
    }
    Shape shape;
    for (size_t d = 0; d < drop.size(); ++d) {
      if (!drop[d]) shape.push_back(view.shape(0)[d]);
    }
    return std::vector{TensorDesc{view.dtype(0), shape}};
  }
};

class Unsqueeze : public Alias {
 public:
  Unsqueeze() : Alias("Unsqueeze", 2, 2) { needs_values({1}); }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const auto axes, view.constant_ints(1, "axes"));
    Shape shape(size_t(view.rank(0)) + axes.size(), 0);
    for (const int64_t given : axes) {
      TARSIER_TRY(const int64_t axis, normalize_axis(given, int64_t(shape.size())));
      if (shape[size_t(axis)] == 1) return input_error("axis {} twice", axis);
      shape[size_t(axis)] = 1;
    }
    auto next = view.shape(0).begin();
    for (int64_t& extent : shape) {
      if (extent == 0) extent = *next++;
    }
    return std::vector{TensorDesc{view.dtype(0), shape}};
  }
};

}  // namespace

void register_reshape(Registry& registry) {
  registry.add(std::make_unique<Identity>("Identity"));
  registry.add(std::make_unique<Reshape>());
  registry.add(std::make_unique<Flatten>());
  registry.add(std::make_unique<AlignAxes>());
  registry.add(std::make_unique<Squeeze>());
  registry.add(std::make_unique<Unsqueeze>());
}

}  // namespace tarsier::kernels
