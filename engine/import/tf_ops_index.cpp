// TF operators that cut into blocks, that select by index or by score, and that count.
#include <algorithm>
#include <limits>

#include "import/tf_importer.hpp"

namespace tarsier::import {
namespace {

constexpr int64_t kMostBlock = 4096;

/// Rank 4 with blocks along H and W. `shape`: that of the operand, where the file tells it; the operator is
/// then a Reshape, a Transpose and a Reshape.
bool space_to_batch(TfImporter& tf, const TfNode& node) {
  const auto block = tf.ints(1), pads = tf.ints(2);
  std::vector<int64_t> shape = node.integers("shape");
  if (!block || !pads || pads->size() != block->size() * 2 || shape.size() < block->size() + 1 ||
      block->size() > 3)
    return false;
  ValueId x = tf.as_is(0);
  if (std::ranges::any_of(*pads, [](int64_t pad) { return pad < 0 || pad > (1 << 30); })) return false;
  std::vector<int64_t> all(shape.size() * 2);
  for (size_t i = 0; i < block->size(); ++i) {
    all[i + 1] = (*pads)[i * 2];
    all[i + 1 + shape.size()] = (*pads)[i * 2 + 1];
    shape[i + 1] += (*pads)[i * 2] + (*pads)[i * 2 + 1];
    if ((*block)[i] <= 0 || (*block)[i] > kMostBlock || shape[i + 1] % (*block)[i] != 0) return false;
  }
  x = tf.emit("Pad", {x, tf.add_ints("pads", all)}, {{"mode", std::string("constant")}}, "padded");
  // N, H/b, b, W/b, b, C -> b, b, N, H/b, W/b, C
  std::vector<int64_t> cut = {shape[0]}, order, result = {shape[0]};
  for (size_t i = 0; i < block->size(); ++i) {
    cut.push_back(shape[i + 1] / (*block)[i]);
    cut.push_back((*block)[i]);
    order.push_back(static_cast<int64_t>(i) * 2 + 2);
    result[0] *= (*block)[i];
    result.push_back(shape[i + 1] / (*block)[i]);
  }
  order.push_back(0);
  for (size_t i = 0; i < block->size(); ++i) order.push_back(static_cast<int64_t>(i) * 2 + 1);
  for (size_t i = block->size() + 1; i < shape.size(); ++i) {
    order.push_back(static_cast<int64_t>(cut.size()));
    cut.push_back(shape[i]);
    result.push_back(shape[i]);
  }
  x = tf.emit("Reshape", {x, tf.add_ints("cut", cut)}, {}, "blocks");
  x = tf.emit("Transpose", {x}, {{"perm", order}}, "ordered");
  tf.set_as_is(0, tf.emit("Reshape", {x, tf.add_ints("shape", result)}), static_cast<int>(shape.size()));
  return true;
}

/// The way back: b, b, N, H, W, C -> N, H, b, W, b, C, then cropped.
bool batch_to_space(TfImporter& tf, const TfNode& node) {
  const auto block = tf.ints(1), crops = tf.ints(2);
  const std::vector<int64_t> shape = node.integers("shape");
  if (!block || !crops || crops->size() != block->size() * 2 || shape.size() < block->size() + 1 ||
      block->size() > 3)
    return false;
  if (std::ranges::any_of(*crops, [](int64_t crop) { return crop < 0 || crop > (1 << 30); })) return false;
  int64_t batch = shape[0];
  std::vector<int64_t> cut, order, result, starts, ends, axes;
  for (const int64_t size : *block) {
    if (size <= 0 || size > kMostBlock || batch % size != 0) return false;
    batch /= size;
    cut.push_back(size);
  }
  const auto count = static_cast<int64_t>(block->size());
  cut.insert(cut.end(), shape.begin(), shape.end());
  cut[block->size()] = batch;
  order.push_back(count);
  result.push_back(batch);
  for (int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<size_t>(i);
    order.push_back(count + 1 + i);
    order.push_back(i);
    result.push_back(shape[at + 1] * (*block)[at]);
    starts.push_back((*crops)[at * 2]);
    ends.push_back(result.back() - (*crops)[at * 2 + 1]);
    axes.push_back(i + 1);
    if (starts.back() < 0 || starts.back() > ends.back() || ends.back() > result.back()) return false;
  }
  for (auto i = static_cast<size_t>(count) + 1; i < shape.size(); ++i) {
    order.push_back(count + static_cast<int64_t>(i));
    result.push_back(shape[i]);
  }
  ValueId x = tf.emit("Reshape", {tf.as_is(0), tf.add_ints("cut", cut)}, {}, "blocks");
  x = tf.emit("Transpose", {x}, {{"perm", order}}, "ordered");
  x = tf.emit("Reshape", {x, tf.add_ints("shape", result)}, {}, "joined");
  tf.set_as_is(0,
               tf.emit("Slice", {x, tf.add_ints("starts", starts), tf.add_ints("ends", ends),
                                 tf.add_ints("axes", axes)}),
               static_cast<int>(shape.size()));
  return true;
}

bool one_hot(TfImporter& tf, const TfNode& node) {  // indices, depth, on, off
  const int rank = tf.rank(0);
  const ValueId axes = tf.add_ints("axes", {0});
  const ValueId off = tf.emit("Unsqueeze", {tf.as_is(3), axes}, {}, "off"),
                on = tf.emit("Unsqueeze", {tf.as_is(2), axes}, {}, "on");
  const ValueId values = tf.emit("Concat", {off, on}, {{"axis", int64_t{0}}}, "values");
  const ValueId indices = tf.as_is(0), depth = tf.as_is(1);
  tf.set_as_is(0, tf.emit("OneHot", {indices, depth, values}, {{"axis", node.integer("axis", -1)}}),
               rank < 0 ? -1 : rank + 1);
  return true;
}

bool cumulative_sum(TfImporter& tf, const TfNode& node) {
  const ValueId x = tf.as_is(0), axis = tf.as_is(1);
  tf.set_as_is(
      0,
      tf.emit("CumSum", {x, axis},
              {{"exclusive", int64_t{node.flag("exclusive")}}, {"reverse", int64_t{node.flag("reverse")}}}),
      tf.rank(0));
  return true;
}

bool reverse(TfImporter& tf, const TfNode& /*node*/) {
  auto axes = tf.ints(1);
  const int rank = tf.rank(0);
  if (!axes || rank < 0) return false;
  const bool nchw = tf.prefers_nchw(0);
  for (int64_t& axis : *axes) {
    const auto front = front_axis(axis, rank);
    if (!front) return false;
    axis = nchw ? in_nchw(*front) : *front;
  }
  const std::vector<int64_t> last(axes->size(), std::numeric_limits<int64_t>::max()),
      before_first(axes->size(), std::numeric_limits<int64_t>::min() + 1), back(axes->size(), -1);
  const ValueId x = tf.operand(0, nchw);
  const ValueId result =
      axes->empty() ? tf.emit("Identity", {x})
                    : tf.emit("Slice", {x, tf.add_ints("starts", last), tf.add_ints("ends", before_first),
                                        tf.add_ints("axes", *axes), tf.add_ints("steps", back)});
  tf.set_result(0, result, nchw, rank);
  return true;
}

bool scatter_nd(TfImporter& tf, const TfNode& /*node*/) {  // indices, updates, shape; what meets is added
  const Tensor* shape = tf.constant(2);
  const ValueId indices = tf.emit("Cast", {tf.as_is(0)}, {{"to", kInt64}}, "indices");
  const ValueId updates = tf.as_is(1);
  const ValueId none = tf.emit("CastLike", {tf.add_scalar("zero", 0), updates}, {}, "none");
  const ValueId zeros = tf.emit("Expand", {none, tf.as_i64(2)}, {}, "zeros");
  tf.set_as_is(0, tf.emit("ScatterND", {zeros, indices, updates}, {{"reduction", std::string("add")}}),
               shape == nullptr ? -1 : static_cast<int>(shape->size()));
  return true;
}

/// boxes [N, 4] as y0, x0, y1, x1, scores [N], most results, IoU, score (and, in version 5, the width of soft
/// suppression, of which only 0 is taken): indices, scores, how many.
bool non_max_suppression(TfImporter& tf, const TfNode& node) {
  if (tf.input_count() < 5 || node.flag("pad_to_max_output_size")) return false;
  if (tf.input_count() > 5) {
    const Tensor* sigma = tf.constant(5);
    if (sigma == nullptr || sigma->size() != 1 || sigma->to_floats()[0] != 0) return false;
  }
  const ValueId scores = tf.as_is(1);
  const ValueId boxes3 = tf.emit("Unsqueeze", {tf.as_is(0), tf.add_ints("batch", {0})}, {}, "boxes");
  const ValueId scores3 = tf.emit("Unsqueeze", {scores, tf.add_ints("class", {0, 1})}, {}, "scores");
  const ValueId one = tf.add_ints("one", {1});
  const auto vector_of = [&](size_t index, std::string_view suffix) {
    return tf.emit("Reshape", {tf.as_is(index), one}, {}, suffix);
  };
  const ValueId most = tf.emit("Reshape", {tf.as_i64(2), one}, {}, "most");
  const ValueId rows = tf.emit(
      "NonMaxSuppression", {boxes3, scores3, most, vector_of(3, "iou"), vector_of(4, "least")}, {}, "rows");
  const ValueId column =
      tf.emit("Gather", {rows, tf.add_ints("column", {2})}, {{"axis", int64_t{1}}}, "column");
  const ValueId indices = tf.emit("Squeeze", {column, tf.add_ints("axis", {1})}, {}, "indices");
  tf.set_as_is(0, narrowed(tf, indices, ""), 1);
  if (node.op == "NonMaxSuppressionV5")
    tf.set_as_is(1, tf.emit("Gather", {scores, indices}, {{"axis", int64_t{0}}}, "selected"), 1);
  const size_t last = node.op == "NonMaxSuppressionV5" ? 2 : 1;
  if (node.op != "NonMaxSuppressionV3" && tf.outputs_read() > last)
    tf.set_as_is(last, narrowed(tf, tf.emit("Size", {indices}, {}, "size"), "count"), 0);
  return true;
}

bool where(TfImporter& tf, const TfNode& /*node*/) {  // positions of what is true, one a row
  if (tf.input_count() != 1) return false;
  const ValueId x = tf.as_is(0);
  const ValueId columns = tf.emit("NonZero", {x}, {}, "columns");
  tf.set_as_is(0, tf.emit("Transpose", {columns}, {{"perm", std::vector<int64_t>{1, 0}}}), 2);
  return true;
}

bool zeros_like(TfImporter& tf, const TfNode& node) {
  const ValueId x = tf.as_is(0);
  const ValueId value = tf.add_scalar("value", node.op == "OnesLike" ? 1.0F : 0.0F);
  const ValueId typed = tf.emit("CastLike", {value, x}, {}, "typed");
  tf.set_as_is(0, tf.emit("Expand", {typed, tf.emit("Shape", {x}, {}, "shape")}), tf.rank(0));
  return true;
}

bool rank_of(TfImporter& tf, const TfNode& /*node*/) {
  if (tf.rank(0) < 0) return false;
  const int32_t rank = tf.rank(0);
  const ValueId value = tf.add_constant("value", Tensor::of<int32_t>(DType::kI32, {}, std::span(&rank, 1)));
  tf.set_as_is(0, tf.emit("Identity", {value}), 0);
  return true;
}

bool size_of_value(TfImporter& tf, const TfNode& node) {
  const ValueId x = tf.as_is(0);
  ValueId result = tf.emit("Size", {x}, {}, "size");
  if (node.type("out_type") != "DT_INT64") result = narrowed(tf, result, "");
  tf.set_as_is(0, result, 0);
  return true;
}

}  // namespace

void add_index_operators(TfOperators& table) {
  table["SpaceToBatchND"] = space_to_batch;
  table["BatchToSpaceND"] = batch_to_space;
  table["OneHot"] = one_hot;
  table["Cumsum"] = cumulative_sum;
  table["ReverseV2"] = reverse;
  table["ScatterNd"] = scatter_nd;
  for (const char* name : {"NonMaxSuppressionV3", "NonMaxSuppressionV4", "NonMaxSuppressionV5"})
    table[name] = non_max_suppression;
  table["Where"] = where;
  table["ZerosLike"] = table["OnesLike"] = zeros_like;
  table["Rank"] = rank_of;
  table["Size"] = size_of_value;
}

}  // namespace tarsier::import
