// GatherElements, GatherND, ScatterElements (Scatter before opset 11), ScatterND. Shader scatter.comp: a lane
// moves one element; reductions are atomic, so equal indices may meet. A scatter copies its data first.
#include <algorithm>

#include "kernels/nd_index.hpp"
#include "kernels/register.hpp"
#include "kernels/strided.hpp"

namespace tarsier::kernels {
namespace {

/// Numbers that scatter.comp knows the reductions by; kGather reads instead.
enum class Reduction : uint32_t { kGather, kNone, kAdd, kMul, kMax, kMin };

Result<Reduction> reduction_of(const graph::Node& node) {
  const std::string name = node.text("reduction", "none");
  if (name == "none") return Reduction::kNone;
  if (name == "add") return Reduction::kAdd;
  if (name == "mul") return Reduction::kMul;
  if (name == "max") return Reduction::kMax;
  if (name == "min") return Reduction::kMin;
  return input_error("reduction={}", name);
}

template <class T>
T reduced(Reduction reduction, T old, T update) {
  switch (reduction) {
    case Reduction::kAdd:
      return old + update;
    case Reduction::kMul:
      return old * update;
    case Reduction::kMax:
      return std::max(old, update);
    case Reduction::kMin:
      return std::min(old, update);
    case Reduction::kGather:
    case Reduction::kNone:
      break;
  }
  return update;
}

struct Push {
  uint64_t data, indices, moved, table;  // `moved`: the updates, or the output of a gather
  uint32_t count, inner, inner_magic, inner_shift;
  uint32_t batch, batch_magic, batch_shift, batch_stride;  // slices a batch; elements of data a batch
  uint32_t extent, stride;                                 // of the axis (elements)
};

/// What all four share: where element i of the smaller tensor (updates, or a gather's output) lies in the
/// data.
class IndexedMove : public Operator {
 public:
  IndexedMove(std::string op_name, bool gathers, bool tuples)
      : Operator(std::move(op_name), gathers ? 2 : 3, gathers ? 2 : 3), gathers_(gathers), tuples_(tuples) {}

  [[nodiscard]] int in_place_input(const graph::Graph&, const graph::Node&) const override {
    return gathers_ ? -1 : 0;
  }

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    const Operand out = emitter.output(0);
    const Shape& data = view.shape(0);
    const int64_t size = graph::element_count(data);
    TARSIER_TRY(const uint64_t source, input_address(emitter, 0, Layout::kLinear, false));
    if (!gathers_ && source != out.address) {
      TARSIER_CHECK(emit_strided_copy(emitter, {{size}, {1}, {1}}, source, out.address));
    }
    const int64_t count = graph::element_count(gathers_ ? out.value->desc.shape : view.shape(2));
    if (count == 0) return {};
    Push push{};
    push.count = uint32_t(count);
    push.data = gathers_ ? source : out.address;
    TARSIER_TRY(push.indices, input_address(emitter, 1, Layout::kLinear, false));
    push.moved = out.address;
    if (!gathers_) {
      TARSIER_TRY(push.moved, input_address(emitter, 2, Layout::kLinear, false));
    }
    uint32_t walked = 0, batched = 0;
    if (tuples_) {
      TARSIER_CHECK(set_tuples(emitter, view, push, walked, batched));
    } else {
      TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 0), view.rank(0)));
      auto strides = strides_of(data);
      push.extent = uint32_t(data[size_t(axis)]);
      push.stride = uint32_t(strides[size_t(axis)]);
      strides[size_t(axis)] = 0;
      const auto axes = collapse(nd_axes(view.shape(1), {strides}));
      TARSIER_TRY(const Weights table, emitter.upload(nd_table(axes)));
      push.table = table.address;
      walked = uint32_t(axes.size());
    }
    TARSIER_TRY(const Reduction given, reduction_of(view.node()));
    const Reduction reduction = gathers_ ? Reduction::kGather : given;
    emitter.dispatch("kernels/scatter.comp",
                     {uint32_t(reduction), tuples_ ? 1U : 0U, walked, is_float(view.dtype(0)) ? 0U : 1U,
                      push.inner == 1 ? 1U : 0U, batched},
                     push, flat_grid(push.count, kLocalSize), Dispatch::kNoWindow,
                     !gathers_ && source != out.address);
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    if (is_float(view.dtype(1))) return input_error("the indices are no integers");
    const Shape &data = view.shape(0), &indices = view.shape(1);
    if (data.empty()) return input_error("data is a scalar");
    if (!gathers_ && view.dtype(2) != view.dtype(0))
      return input_error("updates of another type than the data");
    if (graph::element_count(data) == 0 && graph::element_count(indices) > 0)
      return input_error("indices {} into data {}", graph::to_string(indices), graph::to_string(data));
    TARSIER_TRY([[maybe_unused]] const Reduction reduction, reduction_of(view.node()));
    if (!tuples_) {
      TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 0), view.rank(0)));
      if (indices.size() != data.size()) {
        return input_error("indices {} for data {}", graph::to_string(indices), graph::to_string(data));
      }
      for (size_t d = 0; d < data.size(); ++d) {
        if (int64_t(d) != axis && indices[d] > data[d]) {
          return input_error("indices {} reach beyond data {}", graph::to_string(indices),
                             graph::to_string(data));
        }
      }
      if (!gathers_ && view.shape(2) != indices) {
        return input_error("updates {} for indices {}", graph::to_string(view.shape(2)),
                           graph::to_string(indices));
      }
      return std::vector{TensorDesc{view.dtype(0), gathers_ ? indices : data}};
    }
    TARSIER_TRY(const int64_t batches, batch_dims(view));
    const int64_t depth = indices.back();
    Shape moved(indices.begin(), indices.end() - 1);
    moved.insert(moved.end(), data.begin() + batches + depth, data.end());
    if (gathers_) return std::vector{TensorDesc{view.dtype(0), std::move(moved)}};
    if (view.shape(2) != moved) {
      return input_error("updates {}, {} are expected", graph::to_string(view.shape(2)),
                         graph::to_string(moved));
    }
    return std::vector{view.desc(0)};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    if (view.rank(0) > 8) return input_error("rank {} (8 at most)", view.rank(0));
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const auto places, element_places(view));
    TARSIER_TRY(const Reduction reduction, reduction_of(view.node()));
    const auto move = [&](auto data, const auto& updates) {
      if (gathers_) {
        decltype(data) picked;
        for (const int64_t place : places) picked.push_back(data[size_t(place)]);
        store(outputs[0], picked);
        return;
      }
      for (size_t i = 0; i < places.size(); ++i) {
        auto& target = data[size_t(places[i])];
        target = reduced(reduction, target, updates[i]);
      }
      store(outputs[0], data);
    };
    if (is_float(view.dtype(0))) {
      move(view.floats(0), gathers_ ? std::vector<float>() : view.floats(2));
    } else {
      move(view.ints(0), gathers_ ? std::vector<int64_t>() : view.ints(2));
    }
    return {};
  }

 private:
  /// Of GatherND; checks the depth of the tuples against it.
  static Result<int64_t> batch_dims(const OpView& view) {
    const Shape &data = view.shape(0), &indices = view.shape(1);
    const int64_t batches = view.node().integer("batch_dims", 0);
    if (indices.empty()) return input_error("the indices are a scalar");
    if (batches < 0 || batches >= std::min(view.rank(0), view.rank(1))) {
      return input_error("batch_dims={}", batches);
    }
    for (size_t d = 0; d < size_t(batches); ++d) {
      if (data[d] != indices[d]) return input_error("batch axis {} differs between data and indices", d);
    }
    if (indices.back() < 1 || indices.back() > view.rank(0) - batches) {
      return input_error("index tuples of {} for data {}", indices.back(), graph::to_string(data));
    }
    return batches;
  }

  static Status set_tuples(Emitter& emitter, const OpView& view, Push& push, uint32_t& depth,
                           uint32_t& batched) {
    TARSIER_TRY(const int64_t batches, batch_dims(view));
    const Shape &data = view.shape(0), &indices = view.shape(1);
    depth = uint32_t(indices.back());
    const auto strides = strides_of(data);
    std::vector<int32_t> table;  // extent and stride of each element of a tuple
    for (size_t k = 0; k < depth; ++k) {
      table.push_back(int32_t(data[size_t(batches) + k]));
      table.push_back(int32_t(strides[size_t(batches) + k]));
    }
    TARSIER_TRY(const Weights uploaded, emitter.upload(std::as_bytes(std::span(table))));
    push.table = uploaded.address;
    push.inner = uint32_t(strides[size_t(batches) + depth - 1]);
    const Divisor by_inner = divisor_of(push.inner);
    push.inner_magic = by_inner.magic;
    push.inner_shift = by_inner.shift;
    int64_t slices = 1;
    for (size_t d = size_t(batches); d + 1 < indices.size(); ++d) slices *= indices[d];
    const Divisor by_batch = divisor_of(uint32_t(slices));
    push.batch = uint32_t(slices);
    push.batch_magic = by_batch.magic;
    push.batch_shift = by_batch.shift;
    push.batch_stride = batches > 0 ? uint32_t(strides[size_t(batches) - 1]) : 0;
    batched = batches == 0 ? 0 : slices == 1 ? 1 : 2;
    return {};
  }

  /// Errors: an index out of range.
  [[nodiscard]] Result<std::vector<int64_t>> element_places(const OpView& view) const {
    const Shape &data = view.shape(0), &indices = view.shape(1);
    const auto given = view.ints(1);
    const auto strides = strides_of(data);
    std::vector<int64_t> places;
    if (!tuples_) {
      TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 0), view.rank(0)));
      auto others = strides;
      others[size_t(axis)] = 0;
      Status outside;
      for_each_index<1>(indices, {others}, [&](int64_t i, const auto& offset) {
        const auto index = normalize_axis(given[size_t(i)], data[size_t(axis)]);
        if (!index.ok()) outside = input_error("index {} of {}", given[size_t(i)], data[size_t(axis)]);
        places.push_back(offset[0] + (index.ok() ? *index * strides[size_t(axis)] : 0));
      });
      TARSIER_CHECK(outside);
      return places;
    }
    TARSIER_TRY(const int64_t batches, batch_dims(view));
    const auto depth = size_t(indices.back());
    const int64_t inner = strides[size_t(batches) + depth - 1];
    int64_t slices = 1;
    for (size_t d = size_t(batches); d + 1 < indices.size(); ++d) slices *= indices[d];
    for (size_t t = 0; t < given.size() / depth; ++t) {
      int64_t at = batches > 0 ? int64_t(t) / slices * strides[size_t(batches) - 1] : 0;
      for (size_t k = 0; k < depth; ++k) {
        const int64_t extent = data[size_t(batches) + k];
        const auto index = normalize_axis(given[t * depth + k], extent);
        if (!index.ok()) return input_error("index {} of {}", given[t * depth + k], extent);
        at += *index * strides[size_t(batches) + k];
      }
      for (int64_t i = 0; i < inner; ++i) places.push_back(at + i);
    }
    return places;
  }

  bool gathers_, tuples_;
};

}  // namespace

void register_scatter(Registry& registry) {
  registry.add(std::make_unique<IndexedMove>("GatherElements", true, false));
  registry.add(std::make_unique<IndexedMove>("GatherND", true, true));
  registry.add(std::make_unique<IndexedMove>("ScatterElements", false, false));
  registry.add(std::make_unique<IndexedMove>("ScatterND", false, true));
}

}  // namespace tarsier::kernels
