// NonZero: where a tensor is not zero. How many places there are is known on the device only: the kernel
// writes what fits at most and a count (NonZeroBounded); a Slice by that count is what ONNX returns. Shader
// non_zero.comp. Unique is computed on the host: its result decides shapes as a whole.
#include <algorithm>
#include <cmath>
#include <map>

#include "kernels/nd_index.hpp"
#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::NodeBuilder;

/// x of any shape -> places [rank, elements of x] in row-major order, count [1]. A scalar counts as [1].
class Bounded : public Operator {
 public:
  Bounded() : Operator("NonZeroBounded", 1, 1) {}

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    const Shape shape = extents(view);
    const auto strides = strides_of(shape);
    std::vector<uint32_t> table;  // stride and extent of each axis
    for (size_t d = 0; d < shape.size(); ++d) {
      table.push_back(uint32_t(std::max<int64_t>(strides[d], 1)));
      table.push_back(uint32_t(std::max<int64_t>(shape[d], 1)));
    }
    struct Push {
      uint64_t source, target, total, table;
      uint32_t count, rank;
    } push{};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
    TARSIER_TRY(const Weights axes, emitter.upload(std::as_bytes(std::span(table))));
    push.target = emitter.output(0).address;
    push.total = emitter.output(1).address;
    push.table = axes.address;
    push.count = uint32_t(graph::element_count(shape));
    push.rank = uint32_t(shape.size());
    emitter.dispatch("kernels/non_zero.comp", {is_float(view.dtype(0)) ? 1U : 0U}, push, {1, 1, 1});
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    const Shape shape = extents(view);
    return std::vector{TensorDesc{DType::kI64, {int64_t(shape.size()), graph::element_count(shape)}},
                       TensorDesc{DType::kI64, {1}}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    const Shape shape = extents(view);
    const auto strides = strides_of(shape);
    const auto values = view.data(0)->to_floats();
    std::vector<int64_t> places(size_t(outputs[0].size()), 0);
    size_t count = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] == 0) continue;
      for (size_t d = 0; d < shape.size(); ++d)
        places[d * values.size() + count] = int64_t(i) / strides[d] % shape[d];
      ++count;
    }
    store(outputs[0], places);
    store(outputs[1], std::vector<int64_t>{int64_t(count)});
    return {};
  }

 private:
  static Shape extents(const OpView& view) { return view.shape(0).empty() ? Shape{1} : view.shape(0); }
};

class NonZero : public Composite {
 public:
  NonZero() : Composite("NonZero", 1, 1) {}

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const auto results = builder.add_many("NonZeroBounded", {builder.input(0)}, 2);
    builder.finish("Slice", {results[0], builder.ints({0}), results[1], builder.ints({1})});
    return {};
  }
};

/// Attributes axis (the tensor is flattened without), sorted. Outputs: the unique slices, where each lies
/// first, which one each slice of the input is, how often each occurs.
class Unique : public Operator {
 public:
  Unique() : Operator("Unique", 1, 1) { needs_values({0}); }
  Status emit(Emitter&) const override { return runtime_error("Unique should have been folded"); }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const Found found, find(view));
    const auto count = int64_t(found.first.size());
    const auto total = int64_t(found.inverse.size());
    Shape shape{count};
    if (view.node().has("axis")) {
      shape = view.shape(0);
      shape[found.axis] = count;
    }
    return std::vector{TensorDesc{view.dtype(0), shape}, TensorDesc{DType::kI64, {count}},
                       TensorDesc{DType::kI64, {total}}, TensorDesc{DType::kI64, {count}}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Found found, find(view));
    const size_t width = graph::size_of(view.dtype(0));
    const auto from = view.data(0)->bytes();
    auto to = outputs[0].mutable_bytes();
    size_t at = 0;
    for (size_t o = 0; o < found.outer; ++o)
      for (const int64_t pick : found.first) {
        const size_t chunk = found.inner * width;
        std::copy_n(from.begin() + std::ptrdiff_t((o * found.extent + size_t(pick)) * chunk), chunk,
                    to.begin() + std::ptrdiff_t(at));
        at += chunk;
      }
    store(outputs[1], found.first);
    store(outputs[2], found.inverse);
    store(outputs[3], found.counts);
    return {};
  }

 private:
  struct Found {
    size_t axis = 0, outer = 1, extent = 0, inner = 1;
    std::vector<int64_t> first, inverse, counts;
  };
  static Result<Found> find(const OpView& view) {
    Found found;
    if (view.data(0) == nullptr) return input_error("its input is computed at run time");
    const Shape& shape = view.shape(0);
    found.extent = size_t(graph::element_count(shape));
    if (view.node().has("axis")) {
      TARSIER_TRY(const int64_t axis, normalize_axis(view.node().integer("axis", 0), view.rank(0)));
      found.axis = size_t(axis);
      found.extent = size_t(shape[found.axis]);
      for (size_t d = 0; d < found.axis; ++d) found.outer *= size_t(shape[d]);
      for (size_t d = found.axis + 1; d < shape.size(); ++d) found.inner *= size_t(shape[d]);
    }
    if (is_float(view.dtype(0))) {
      collect(found, view.floats(0), view.node().integer("sorted", 1) != 0);
    } else {
      collect(found, view.ints(0), view.node().integer("sorted", 1) != 0);
    }
    return found;
  }
  template <class T>
  static void collect(Found& found, const std::vector<T>& values, bool sorted) {
    // NaN behind all numbers, as numpy sorts it: with < alone it would be equal to each of them.
    const auto is_nan = [](T x) {
      if constexpr (std::is_floating_point_v<T>) return std::isnan(x);
      return false;
    };
    const auto less = [is_nan](const std::vector<T>& a, const std::vector<T>& b) {
      return std::ranges::lexicographical_compare(
          a, b, [is_nan](T x, T y) { return x < y || (!is_nan(x) && is_nan(y)); });
    };
    std::map<std::vector<T>, size_t, decltype(less)> seen(
        less);  // slice -> its number in order of appearance
    for (size_t i = 0; i < found.extent; ++i) {
      std::vector<T> slice;
      for (size_t o = 0; o < found.outer; ++o) {
        const auto from = values.begin() + std::ptrdiff_t((o * found.extent + i) * found.inner);
        slice.insert(slice.end(), from, from + std::ptrdiff_t(found.inner));
      }
      const auto [at, added] = seen.emplace(std::move(slice), found.first.size());
      if (added) {
        found.first.push_back(int64_t(i));
        found.counts.push_back(0);
      }
      ++found.counts[at->second];
      found.inverse.push_back(int64_t(at->second));
    }
    if (!sorted) return;
    std::vector<int64_t> rank(found.first.size()), first, counts;
    for (const auto& [slice, number] : seen) {
      rank[number] = int64_t(first.size());
      first.push_back(found.first[number]);
      counts.push_back(found.counts[number]);
    }
    found.first = std::move(first);
    found.counts = std::move(counts);
    for (int64_t& number : found.inverse) number = rank[size_t(number)];
  }
};

}  // namespace

void register_non_zero(Registry& registry) {
  registry.add(std::make_unique<Bounded>());
  registry.add(std::make_unique<NonZero>());
  registry.add(std::make_unique<Unique>());
}

}  // namespace tarsier::kernels
