// NonMaxSuppression: greedy, by class. How many boxes are left is known on the device only: the kernel writes
// what fits at most and a count (NonMaxSuppressionBounded); a Slice by that count is what ONNX returns.
// Shaders non_max_suppression.comp (one workgroup a class of an image) and nms_compact.comp.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/operator.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

using graph::NodeBuilder;

/// boxes [B,N,4], scores [B,C,N], most boxes a class (constant), IoU threshold, score threshold.
/// -> indices [B*C*min(most,N),3] of (image, class, box), by image, class and falling score; count [1].
class Bounded : public Operator {
 public:
  Bounded() : Operator("NonMaxSuppressionBounded", 2, 5) { needs_values({2}); }

  [[nodiscard]] uint64_t scratch_bytes(const graph::Graph& graph, const graph::Node& node) const override {
    const OpView view(graph, node);
    const Sizes s(view);
    // The boxes that are still there, then the picked boxes and their number for each class.
    return uint64_t(s.rows()) * uint64_t(s.boxes + s.most + 1) * 4;
  }

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    const Sizes s(view);
    const uint64_t alive = emitter.scratch();
    const uint64_t picked = alive + uint64_t(s.rows() * s.boxes) * 4;
    const uint64_t counts = picked + uint64_t(s.rows() * s.most) * 4;
    struct Select {
      uint64_t boxes, scores, iou, score, alive, picked, counts;
      uint32_t rows, classes, count, most, center;
    } select{};
    TARSIER_TRY(select.boxes, input_address(emitter, 0, Layout::kLinear, false));
    TARSIER_TRY(select.scores, input_address(emitter, 1, Layout::kLinear, false));
    TARSIER_TRY(select.iou, input_address(emitter, 3, Layout::kLinear, false));
    TARSIER_TRY(select.score, input_address(emitter, 4, Layout::kLinear, false));
    select.alive = alive;
    select.picked = picked;
    select.counts = counts;
    select.rows = uint32_t(s.rows());
    select.classes = uint32_t(s.classes);
    select.count = uint32_t(s.boxes);
    select.most = uint32_t(s.most);
    select.center = uint32_t(emitter.node().integer("center_point_box", 0));
    if (s.rows() > 0)
      emitter.dispatch("kernels/non_max_suppression.comp",
                       {select.iou != 0 ? 1U : 0U, select.score != 0 ? 1U : 0U,
                        is_narrow(emitter.device()) ? 16U : kLocalSize},
                       select, flat_grid(uint64_t(s.rows()), 1));
    struct Compact {
      uint64_t picked, counts, indices, total;
      uint32_t rows, classes, most;
    } compact{picked,
              counts,
              emitter.output(0).address,
              emitter.output(1).address,
              uint32_t(s.rows()),
              uint32_t(s.classes),
              uint32_t(s.most)};
    emitter.dispatch("kernels/nms_compact.comp", {}, compact, {1, 1, 1}, Dispatch::kNoWindow, true);
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    if (view.rank(0) != 3 || view.shape(0)[2] != 4 || view.rank(1) != 3 ||
        view.shape(1)[0] != view.shape(0)[0] || view.shape(1)[2] != view.shape(0)[1])
      return input_error("boxes {} and scores {} ([B,N,4] and [B,C,N] are expected)",
                         graph::to_string(view.shape(0)), graph::to_string(view.shape(1)));
    TARSIER_CHECK(are_single(view, {2, 3, 4}));
    const Sizes s(view);
    return std::vector{TensorDesc{DType::kI64, {s.rows() * s.most, 3}}, TensorDesc{DType::kI64, {1}}};
  }

  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    const Sizes s(view);
    const auto boxes = view.floats(0), scores = view.floats(1);
    const auto scalar = [&](size_t index, float fallback) {
      return view.has(index) ? view.floats(index)[0] : fallback;
    };
    const float iou = scalar(3, 0), least = scalar(4, -INFINITY);
    const bool center = view.node().integer("center_point_box", 0) != 0;
    std::vector<int64_t> indices, order(static_cast<size_t>(s.boxes));
    for (int64_t row = 0; row < s.rows(); ++row) {
      const auto score = [&](int64_t box) { return scores[size_t(row * s.boxes + box)]; };
      const auto corners = [&](int64_t box) {
        return corners_of(&boxes[size_t((row / s.classes * s.boxes + box) * 4)], center);
      };
      std::iota(order.begin(), order.end(), int64_t{0});
      std::ranges::stable_sort(order, [&](int64_t a, int64_t b) { return score(a) > score(b); });
      std::vector<int64_t> kept;
      for (const int64_t box : order) {
        if (int64_t(kept.size()) >= s.most || !(score(box) > least)) break;
        const auto here = corners(box);
        if (std::ranges::none_of(kept, [&](int64_t other) { return overlap(here, corners(other)) > iou; }))
          kept.push_back(box);
      }
      for (const int64_t box : kept) indices.insert(indices.end(), {row / s.classes, row % s.classes, box});
    }
    const auto count = int64_t(indices.size() / 3);
    indices.resize(size_t(outputs[0].size()), 0);
    store(outputs[0], indices);
    store(outputs[1], std::vector<int64_t>{count});
    return {};
  }

 private:
  struct Sizes {
    int64_t images, classes, boxes, most = 0;
    explicit Sizes(const OpView& view)
        : images(view.shape(1)[0]), classes(view.shape(1)[1]), boxes(view.shape(1)[2]) {
      if (view.has(2)) most = std::clamp<int64_t>(view.ints(2)[0], 0, std::max<int64_t>(boxes, 0));
    }
    [[nodiscard]] int64_t rows() const { return images * classes; }
  };
  /// Least y, x and largest y, x (or x, y: the overlap is the same). ONNX lets corners be given in any order.
  static std::array<float, 4> corners_of(const float* box, bool center) {
    if (center) return {box[0] - box[2] / 2, box[1] - box[3] / 2, box[0] + box[2] / 2, box[1] + box[3] / 2};
    return {std::min(box[0], box[2]), std::min(box[1], box[3]), std::max(box[0], box[2]),
            std::max(box[1], box[3])};
  }
  static float overlap(const std::array<float, 4>& a, const std::array<float, 4>& b) {
    const float height = std::max(0.0F, std::min(a[2], b[2]) - std::max(a[0], b[0]));
    const float width = std::max(0.0F, std::min(a[3], b[3]) - std::max(a[1], b[1]));
    const float shared = height * width;
    const float whole = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared;
    return whole > 0 ? shared / whole : 0;
  }
};

class NonMaxSuppression : public Composite {
 public:
  NonMaxSuppression() : Composite("NonMaxSuppression", 2, 5) { needs_values({2}); }

 protected:
  Status write_out(NodeBuilder& builder) const override {
    const auto results =
        builder.add_many("NonMaxSuppressionBounded", builder.node().inputs, 2, builder.node().attributes);
    builder.finish("Slice", {results[0], builder.ints({0}), results[1], builder.ints({0})});
    return {};
  }
};

}  // namespace

void register_non_max_suppression(Registry& registry) {
  registry.add(std::make_unique<Bounded>());
  registry.add(std::make_unique<NonMaxSuppression>());
}

}  // namespace tarsier::kernels
