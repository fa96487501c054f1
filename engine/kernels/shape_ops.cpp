// Operators whose result is known when the model is compiled: Shape, Size, ConstantOfShape, Range. Constant
// folding replaces them; there is nothing to run on a device.
#include <algorithm>
#include <cmath>

#include "graph/passes/evaluate.hpp"
#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

class Folded : public Operator {
 public:
  using Operator::Operator;
  Status emit(Emitter& emitter) const override {
    return runtime_error("{} should have been folded into a constant", emitter.node().op);
  }
};

class ShapeOf : public Folded {
 public:
  ShapeOf() : Folded("Shape", 1, 1) {}

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    const auto [begin, end] = range(view);
    return std::vector{TensorDesc{DType::kI64, {std::max<int64_t>(0, end - begin)}}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    const auto [begin, end] = range(view);
    const Shape& shape = view.shape(0);
    if (begin < end) store(outputs[0], std::vector<int64_t>(shape.begin() + begin, shape.begin() + end));
    return {};
  }

 private:
  static std::pair<int64_t, int64_t> range(const OpView& view) {
    const int64_t rank = view.rank(0);
    const auto clamp = [rank](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
    return {clamp(view.node().integer("start", 0)), clamp(view.node().integer("end", rank))};
  }
};

class SizeOf : public Folded {
 public:
  SizeOf() : Folded("Size", 1, 1) {}

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView&) const override {
    return std::vector{TensorDesc{DType::kI64, {}}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    store(outputs[0], std::vector<int64_t>{graph::element_count(view.shape(0))});
    return {};
  }
};

class ConstantOfShape : public Folded {
 public:
  ConstantOfShape() : Folded("ConstantOfShape", 1, 1) { needs_values({0}); }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(Shape shape, view.constant_ints(0, "shape"));
    if (!graph::is_static(shape)) return input_error("shape {}", graph::to_string(shape));
    if (graph::element_count(shape) > graph::kMostMade)
      return input_error("shape {} is too large for a constant", graph::to_string(shape));
    const Tensor* value = attribute(view);
    if (value != nullptr && value->size() != 1)
      return input_error("a value of shape {}, one element is expected", graph::to_string(value->shape()));
    return std::vector{TensorDesc{value == nullptr ? DType::kF32 : value->dtype(), std::move(shape)}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    const auto count = size_t(outputs[0].size());
    const Tensor* value = attribute(view);
    if (value == nullptr) return {};  // zeros
    if (is_float(value->dtype())) {
      store(outputs[0], std::vector<float>(count, value->to_floats()[0]));
    } else {
      store(outputs[0], std::vector<int64_t>(count, value->to_ints()[0]));
    }
    return {};
  }

 private:
  static const Tensor* attribute(const OpView& view) {
    const auto at = view.node().attributes.find("value");
    return at == view.node().attributes.end() ? nullptr : std::get_if<Tensor>(&at->second);
  }
};

class Range : public Folded {
 public:
  Range() : Folded("Range", 3, 3) { needs_values({0, 1, 2}); }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    for (size_t i = 0; i < 3; ++i) {
      if (view.data(i) == nullptr)
        return input_error("a bound that is computed at run time (constants only)");
    }
    TARSIER_CHECK(are_single(view, {0, 1, 2}));
    const double count = is_float(view.dtype(0)) ? real_count(view) : integer_count(view);
    if (std::isnan(count)) return input_error("bounds and delta that make no range");
    if (count > double(graph::kMostMade))
      return input_error("{} elements are too many for a constant", count);
    return std::vector{TensorDesc{view.dtype(0), {int64_t(std::max(0.0, count))}}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    const auto count = size_t(outputs[0].size());
    if (is_float(view.dtype(0))) {
      std::vector<float> values(count);
      const float start = view.floats(0)[0], delta = view.floats(2)[0];
      for (size_t i = 0; i < count; ++i) values[i] = start + float(i) * delta;
      store(outputs[0], values);
    } else {
      std::vector<int64_t> values(count);
      const int64_t start = view.ints(0)[0], delta = view.ints(2)[0];
      // As unsigned numbers: what lies between start and limit fits, the way there need not.
      for (size_t i = 0; i < count; ++i) values[i] = int64_t(uint64_t(start) + i * uint64_t(delta));
      store(outputs[0], values);
    }
    return {};
  }

 private:
  /// NaN for a delta of 0.
  static double real_count(const OpView& view) {
    const float delta = view.floats(2)[0];
    return delta == 0 ? NAN : std::ceil((double(view.floats(1)[0]) - view.floats(0)[0]) / delta);
  }
  static double integer_count(const OpView& view) {
    const int64_t start = view.ints(0)[0], limit = view.ints(1)[0], delta = view.ints(2)[0];
    if (delta == 0) return NAN;
    if (delta > 0 ? start >= limit : start <= limit) return 0;
    // As unsigned numbers: the distance of two int64 need not be one.
    const uint64_t span = delta > 0 ? uint64_t(limit) - uint64_t(start) : uint64_t(start) - uint64_t(limit);
    const uint64_t step = delta > 0 ? uint64_t(delta) : 0 - uint64_t(delta);
    return double((span - 1) / step + 1);
  }
};

}  // namespace

void register_shape_ops(Registry& registry) {
  registry.add(std::make_unique<ShapeOf>());
  registry.add(std::make_unique<SizeOf>());
  registry.add(std::make_unique<ConstantOfShape>());
  registry.add(std::make_unique<Range>());
}

}  // namespace tarsier::kernels
