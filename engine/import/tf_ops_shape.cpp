// TF operators that move, cut, gather or reduce. Those that only name axes follow an operand in NCHW form
// with the axes renumbered; the others read the value as TF has it.
#include <algorithm>
#include <limits>

#include "core/number.hpp"
#include "import/tf_importer.hpp"

namespace tarsier::import {
namespace {

bool reshape(TfImporter& tf, const TfNode& /*node*/) {
  const Tensor* shape = tf.constant(1);
  const int rank = shape == nullptr ? -1 : static_cast<int>(shape->size());
  const ValueId x = tf.as_is(0);
  tf.set_as_is(0, tf.emit("Reshape", {x, tf.as_i64(1)}), rank);
  return true;
}

bool transpose(TfImporter& tf, const TfNode& /*node*/) {
  auto perm = tf.ints(1);
  if (!perm) return false;
  const int rank = static_cast<int>(perm->size());
  const bool nchw = tf.prefers_nchw(0) && rank == 4;
  for (int64_t& axis : *perm) {
    const auto front = front_axis(axis, rank);
    if (!front) return false;
    axis = nchw ? in_nchw(*front) : *front;  // one transpose from the form at hand instead of two
  }
  tf.set_as_is(0, tf.emit("Transpose", {tf.operand(0, nchw)}, {{"perm", *perm}}), rank);
  return true;
}

bool expand_dims(TfImporter& tf, const TfNode& /*node*/) {
  const auto axis = tf.ints(1);
  const int rank = tf.rank(0);
  if (!axis || axis->size() != 1) return false;
  const auto front = front_axis((*axis)[0], rank < 0 ? -1 : rank + 1);
  if (!front && rank >= 0) return false;
  const ValueId x = tf.as_is(0);
  tf.set_as_is(0, tf.emit("Unsqueeze", {x, tf.add_ints("axes", {front.value_or((*axis)[0])})}),
               rank < 0 ? -1 : rank + 1);
  return true;
}

/// For an operator that drops `axes` of an NCHW value: whether what remains is in TF's order.
bool keeps_order(const std::vector<int64_t>& nhwc_axes) {
  std::vector<int64_t> left;
  for (int64_t axis = 0; axis < 4; ++axis)
    if (std::ranges::find(nhwc_axes, axis) == nhwc_axes.end()) left.push_back(in_nchw(axis));
  return std::ranges::is_sorted(left);
}

bool squeeze(TfImporter& tf, const TfNode& node) {
  std::vector<int64_t> axes = node.integers("squeeze_dims");
  if (axes.empty()) axes = node.integers("axis");
  const int rank = tf.rank(0);
  if (axes.empty() || rank < 0) return false;  // "all of extent 1" needs the shape
  for (int64_t& axis : axes) {
    const auto front = front_axis(axis, rank);
    if (!front) return false;
    axis = *front;
  }
  const int left = rank - static_cast<int>(axes.size());
  if (tf.prefers_nchw(0) && keeps_order(axes)) {
    std::ranges::transform(axes, axes.begin(), in_nchw);
    tf.set_as_is(0, tf.emit("Squeeze", {tf.nchw(0), tf.add_ints("axes", axes)}), left);
  } else {
    const ValueId x = tf.as_is(0);
    tf.set_as_is(0, tf.emit("Squeeze", {x, tf.add_ints("axes", axes)}), left);
  }
  return true;
}

bool reduce(TfImporter& tf, const TfNode& node) {
  static const std::unordered_map<std::string, std::string> kNames = {
      {"Any", "ReduceMax"}, {"All", "ReduceMin"}, {"Mean", "ReduceMean"}, {"Sum", "ReduceSum"},
      {"Max", "ReduceMax"}, {"Min", "ReduceMin"}, {"Prod", "ReduceProd"}};
  auto axes = tf.ints(1);
  const int rank = tf.rank(0);
  if (!axes) return false;
  for (int64_t& axis : *axes) {
    if (rank < 0) break;  // not in NCHW form then: the axes may stay as they are
    const auto front = front_axis(axis, rank);
    if (!front) return false;
    axis = *front;
  }
  const bool keep = node.flag("keep_dims");
  const bool nchw = tf.prefers_nchw(0) && (keep || keeps_order(*axes));
  if (nchw) std::ranges::transform(*axes, axes->begin(), in_nchw);
  std::ranges::sort(*axes);
  ValueId x = tf.operand(0, nchw);
  const bool logical = node.op == "Any" || node.op == "All";
  if (logical) x = tf.emit("Cast", {x}, {{"to", kInt32}}, "numbers");
  ValueId result = tf.emit(kNames.at(node.op), {x, tf.add_ints("axes", *axes)}, {{"keepdims", int64_t{keep}}},
                           logical ? "reduced" : "");
  if (logical) result = tf.emit("Cast", {result}, {{"to", kBool}});
  tf.set_result(0, result, nchw && keep,
                keep || rank < 0 ? rank : std::max(-1, rank - static_cast<int>(axes->size())));
  return true;
}

bool arg_reduce(TfImporter& tf, const TfNode& node) {
  const auto axis = tf.ints(1);
  const int rank = tf.rank(0);
  if (!axis || axis->size() != 1 || rank < 0) return false;
  const auto front = front_axis((*axis)[0], rank);
  if (!front) return false;
  const bool nchw = tf.prefers_nchw(0) && keeps_order({*front});
  const ValueId x = tf.operand(0, nchw);
  const bool narrow = node.type("output_type") == "DT_INT32";
  ValueId result =
      tf.emit(node.op, {x}, {{"axis", nchw ? in_nchw(*front) : *front}, {"keepdims", int64_t{0}}},
              narrow ? "index" : "");
  if (narrow) result = narrowed(tf, result, "");
  tf.set_as_is(0, result, rank - 1);
  return true;
}

bool softmax(TfImporter& tf, const TfNode& node) {
  const bool nchw = tf.prefers_nchw(0);
  ValueId x = tf.operand(0, nchw);
  // TensorFlow Lite's exponent may have a factor.
  if (const float beta = node.real("beta", 1); beta != 1)
    x = tf.emit("Mul", {x, tf.add_scalar("beta", beta)}, {}, "scaled");
  tf.set_result(0, tf.emit(node.op, {x}, {{"axis", int64_t{nchw ? 1 : -1}}}), nchw, tf.rank(0));
  return true;
}

/// x / max(|x|, 1e-6), the length taken over the last axis (of NHWC).
bool l2_normalise(TfImporter& tf, const TfNode& /*node*/) {
  const bool nchw = tf.prefers_nchw(0);
  const ValueId x = tf.operand(0, nchw);
  const ValueId length =
      tf.emit("ReduceL2", {x, tf.add_ints("axes", {nchw ? 1 : -1})}, {{"keepdims", int64_t{1}}}, "length");
  const ValueId divisor = tf.emit("Max", {length, tf.add_scalar("least", 1e-6F)}, {}, "divisor");
  const ValueId result = tf.emit("Div", {x, divisor});
  tf.set_result(0, result, nchw, tf.rank(0));
  return true;
}

bool concat(TfImporter& tf, const TfNode& /*node*/) {
  const size_t count = tf.input_count() - 1;  // the last input is the axis
  const auto axis = tf.ints(count);
  if (count == 0 || !axis || axis->size() != 1) return false;
  bool any = false, all = true;
  int rank = -1;
  for (size_t i = 0; i < count; ++i) {
    any = any || tf.prefers_nchw(i);
    all = all && tf.rank(i) == 4;
    rank = std::max(rank, tf.rank(i));
  }
  const auto front = front_axis((*axis)[0], rank);
  if (!front) return false;
  const bool nchw = any && all;
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < count; ++i) inputs.push_back(tf.operand(i, nchw));
  const ValueId result = tf.emit("Concat", std::move(inputs), {{"axis", nchw ? in_nchw(*front) : *front}});
  tf.set_result(0, result, nchw, rank);
  return true;
}

bool split(TfImporter& tf, const TfNode& node) {
  const bool sized = node.op == "SplitV";  // value, sizes, axis; Split: axis, value
  const size_t value = sized ? 0 : 1;
  const auto axis = tf.ints(sized ? 2 : 0);
  const int rank = tf.rank(value);
  if (!axis || axis->size() != 1) return false;
  const auto front = front_axis((*axis)[0], rank);
  const auto sizes = sized ? tf.ints(1) : std::nullopt;
  if (!front || (sized && !sizes)) return false;
  const auto outputs = sized ? static_cast<int64_t>(sizes->size()) : node.integer("num_split", 0);
  if (outputs <= 0 || outputs > 4096) return false;
  const bool nchw = tf.prefers_nchw(value);
  std::vector<ValueId> inputs = {tf.operand(value, nchw)};
  Attributes attributes = {{"axis", nchw ? in_nchw(*front) : *front}};
  if (sized)
    inputs.push_back(tf.add_ints("split", *sizes));
  else
    attributes["num_outputs"] = outputs;
  const auto results =
      tf.emit_many("Split", std::move(inputs), static_cast<size_t>(outputs), std::move(attributes));
  for (size_t i = 0; i < results.size(); ++i) {
    tf.set_result(i, results[i], nchw, rank);
  }
  return true;
}

bool pack(TfImporter& tf, const TfNode& node) {
  const int rank = tf.rank(0);
  const auto front = front_axis(node.integer("axis", 0), rank < 0 ? -1 : rank + 1);
  if (!front) return false;
  const ValueId axes = tf.add_ints("axes", {*front});
  std::vector<ValueId> parts;
  for (size_t i = 0; i < tf.input_count(); ++i)
    parts.push_back(tf.emit("Unsqueeze", {tf.as_is(i), axes}, {}, fmt::format("part{}", i)));
  tf.set_as_is(0, tf.emit("Concat", std::move(parts), {{"axis", *front}}), rank < 0 ? -1 : rank + 1);
  return true;
}

bool unpack(TfImporter& tf, const TfNode& node) {
  const int rank = tf.rank(0);
  const auto front = front_axis(node.integer("axis", 0), rank);
  const int64_t count = node.integer("num", 0);
  if (!front || count <= 0 || count > 4096) return false;
  const ValueId x = tf.as_is(0);
  const ValueId axes = tf.add_ints("axes", {*front});
  const auto parts = count == 1 ? std::vector<ValueId>{x}
                                : tf.emit_many("Split", {x}, static_cast<size_t>(count),
                                               {{"axis", *front}, {"num_outputs", count}});
  for (size_t i = 0; i < parts.size(); ++i)
    tf.set_as_is(i, tf.emit("Squeeze", {parts[i], axes}, {}, fmt::format("part{}", i)),
                 rank < 0 ? -1 : rank - 1);
  return true;
}

/// Mirrored with the edge itself, which ONNX's Pad has no mode for: rows are gathered axis by axis. `shape`:
/// that of the operand.
bool symmetric_pad(TfImporter& tf, const TfNode& node, const std::vector<int64_t>& pairs) {
  const std::vector<int64_t> shape = node.integers("shape");
  if (shape.size() * 2 != pairs.size()) return false;
  const bool nchw = tf.prefers_nchw(0);
  if (nchw && shape.size() != 4) return false;
  constexpr int64_t kMostRows = 1 << 20;  // which are listed
  ValueId x = tf.operand(0, nchw);
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const int64_t before = pairs[axis * 2], after = pairs[axis * 2 + 1], extent = shape[axis];
    if (before < 0 || after < 0 || before > extent || after > extent || extent > kMostRows) return false;
    if (before + after == 0) continue;
    std::vector<int64_t> order;
    for (int64_t i = -before; i < extent + after; ++i)
      order.push_back(i < 0 ? -1 - i : i >= extent ? 2 * extent - 1 - i : i);
    const auto target = static_cast<int64_t>(axis);
    x = tf.emit("Gather", {x, tf.add_ints("order", order)}, {{"axis", nchw ? in_nchw(target) : target}},
                fmt::format("axis{}", axis));
  }
  x = tf.emit("Identity", {x});
  tf.set_result(0, x, nchw, static_cast<int>(shape.size()));
  return true;
}

bool pad(TfImporter& tf, const TfNode& node) {
  const auto pairs = tf.ints(1);  // [rank][2]
  const int rank = tf.rank(0);
  if (!pairs && node.op != "MirrorPad") {
    const ValueId x = tf.as_is(0), wide = tf.as_i64(1);
    const ValueId rows = tf.emit("Transpose", {wide}, {{"perm", std::vector<int64_t>{1, 0}}}, "rows");
    std::vector<ValueId> inputs = {x, tf.emit("Reshape", {rows, tf.add_ints("flat", {-1})}, {}, "pads")};
    if (node.op == "PadV2") inputs.push_back(tf.as_is(2));
    tf.set_as_is(0, tf.emit("Pad", std::move(inputs), {{"mode", std::string("constant")}}), rank);
    return true;
  }
  if (!pairs || rank < 0 || pairs->size() != static_cast<size_t>(rank) * 2) return false;
  if (node.op == "MirrorPad" && node.text("mode", "REFLECT") != "REFLECT")
    return symmetric_pad(tf, node, *pairs);
  const bool nchw = tf.prefers_nchw(0) && rank == 4;
  std::vector<int64_t> pads(pairs->size());
  for (int64_t axis = 0; axis < rank; ++axis) {
    const auto target = static_cast<size_t>(nchw ? in_nchw(axis) : axis);
    pads[target] = (*pairs)[static_cast<size_t>(axis) * 2];
    pads[target + static_cast<size_t>(rank)] = (*pairs)[static_cast<size_t>(axis) * 2 + 1];
  }
  std::vector<ValueId> inputs = {tf.operand(0, nchw), tf.add_ints("pads", pads)};
  if (node.op == "PadV2") inputs.push_back(tf.as_is(2));
  const std::string mode = node.op == "MirrorPad" ? "reflect" : "constant";
  const ValueId result = tf.emit("Pad", std::move(inputs), {{"mode", mode}});
  tf.set_result(0, result, nchw, rank);
  return true;
}

/// Of a begin or a size that the network computes; a size of -1 is all that is left.
bool computed_slice(TfImporter& tf) {
  const int64_t zero = 0, all = std::numeric_limits<int64_t>::max();
  const ValueId x = tf.as_is(0), begin = tf.as_i64(1), size = tf.as_i64(2);
  const ValueId open =
      tf.emit("Less", {size, tf.add_constant("zero", Tensor::i64({}, std::span(&zero, 1)))}, {}, "open");
  const ValueId end = tf.emit("Where",
                              {open, tf.add_constant("all", Tensor::i64({}, std::span(&all, 1))),
                               tf.emit("Add", {begin, size}, {}, "sum")},
                              {}, "end");
  tf.set_as_is(0, tf.emit("Slice", {x, begin, end}), tf.rank(0));
  return true;
}

bool slice(TfImporter& tf, const TfNode& /*node*/) {
  const auto begin = tf.ints(1), size = tf.ints(2);
  if (!begin || !size) return computed_slice(tf);
  if (begin->size() != size->size()) return false;
  const bool nchw = tf.prefers_nchw(0);
  if (nchw && begin->size() != 4) return false;
  std::vector<int64_t> starts, ends, axes;
  for (size_t i = 0; i < begin->size(); ++i) {
    starts.push_back((*begin)[i]);
    ends.push_back((*size)[i] < 0 ? std::numeric_limits<int64_t>::max()
                                  : saturated_sum((*begin)[i], (*size)[i]));
    axes.push_back(nchw ? in_nchw(static_cast<int64_t>(i)) : static_cast<int64_t>(i));
  }
  const ValueId x = tf.operand(0, nchw);
  const ValueId result = tf.emit(
      "Slice", {x, tf.add_ints("starts", starts), tf.add_ints("ends", ends), tf.add_ints("axes", axes)});
  tf.set_result(0, result, nchw, tf.rank(0));
  return true;
}

/// numpy-style x[a:b:c, i, newaxis, ...], encoded in bit masks (one bit an entry of begin/end/strides).
bool strided_slice(TfImporter& tf, const TfNode& node) {
  const auto begin = tf.ints(1), end = tf.ints(2), stride = tf.ints(3);
  if (!begin || !end || !stride || begin->size() != end->size() || begin->size() != stride->size() ||
      begin->size() > 16)
    return false;
  const auto bit = [&node](const char* mask, size_t i) { return ((node.integer(mask, 0) >> i) & 1) != 0; };
  const int rank = tf.rank(0);
  int64_t named = 0;  // axes of x that entries other than the ellipsis stand for
  for (size_t i = 0; i < begin->size(); ++i)
    named += !bit("new_axis_mask", i) && !bit("ellipsis_mask", i) ? 1 : 0;
  std::vector<int64_t> starts, ends, steps, axes, dropped, added;
  int64_t axis = 0, result_axis = 0;
  for (size_t i = 0; i < begin->size(); ++i) {
    if (bit("ellipsis_mask", i)) {
      if (rank < 0) return false;
      axis += rank - named;
      result_axis += rank - named;
      continue;
    }
    if (bit("new_axis_mask", i)) {
      added.push_back(result_axis++);
      continue;
    }
    const bool drop = bit("shrink_axis_mask", i);
    const bool forward = (*stride)[i] > 0;
    constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
    const bool open_begin = bit("begin_mask", i) && !drop, open_end = bit("end_mask", i) && !drop;
    int64_t from = open_begin ? (forward ? 0 : kMax) : (*begin)[i];
    int64_t to = open_end ? (forward ? kMax : std::numeric_limits<int64_t>::min() + 1) : (*end)[i];
    if (drop) to = from == -1 ? kMax : saturated_sum(from, 1);
    if (!(open_begin && open_end && (*stride)[i] == 1)) {
      starts.push_back(from);
      ends.push_back(to);
      steps.push_back(drop ? 1 : (*stride)[i]);
      axes.push_back(axis);
    }
    if (drop)
      dropped.push_back(axis);
    else
      ++result_axis;
    ++axis;
  }
  const bool nchw = tf.prefers_nchw(0) && dropped.empty() && added.empty();
  if (nchw && std::ranges::any_of(axes, [](int64_t at) { return at > 3; })) return false;
  if (nchw) std::ranges::transform(axes, axes.begin(), in_nchw);
  ValueId result = tf.operand(0, nchw);
  const auto name = [](bool last) { return last ? "" : "slice"; };
  if (!axes.empty())
    result = tf.emit("Slice",
                     {result, tf.add_ints("starts", starts), tf.add_ints("ends", ends),
                      tf.add_ints("axes", axes), tf.add_ints("steps", steps)},
                     {}, name(dropped.empty() && added.empty()));
  if (!dropped.empty())
    result =
        tf.emit("Squeeze", {result, tf.add_ints("dropped", dropped)}, {}, added.empty() ? "" : "squeeze");
  if (!added.empty()) result = tf.emit("Unsqueeze", {result, tf.add_ints("added", added)});
  tf.set_result(0, result, nchw,
                rank < 0 ? -1 : rank - static_cast<int>(dropped.size()) + static_cast<int>(added.size()));
  return true;
}

bool gather(TfImporter& tf, const TfNode& node) {
  const auto axis = tf.input_count() > 2 ? tf.ints(2) : std::optional(std::vector<int64_t>{0});
  if (!axis || axis->size() != 1) return false;
  const int rank = tf.rank(0) < 0 || tf.rank(1) < 0 ? -1 : tf.rank(0) + tf.rank(1) - 1;
  const ValueId x = tf.as_is(0), indices = tf.as_is(1);
  if (const int64_t batch = node.integer("batch_dims", 0); batch != 0) {  // ONNX has that in GatherND alone
    if (batch < 0 || batch != (*axis)[0] || tf.rank(1) < batch) return false;
    const ValueId wide = tf.emit("Cast", {indices}, {{"to", kInt64}}, "indices");
    const ValueId tuples = tf.emit("Unsqueeze", {wide, tf.add_ints("tuple", {-1})}, {}, "tuples");
    tf.set_as_is(0, tf.emit("GatherND", {x, tuples}, {{"batch_dims", batch}}),
                 rank < 0 ? -1 : rank - static_cast<int>(batch));
    return true;
  }
  tf.set_as_is(0, tf.emit("Gather", {x, indices}, {{"axis", (*axis)[0]}}), rank);
  return true;
}

bool gather_nd(TfImporter& tf, const TfNode& /*node*/) {
  // ONNX takes 64-bit indices only.
  const ValueId x = tf.as_is(0);
  const ValueId indices = tf.emit("Cast", {tf.as_is(1)}, {{"to", int64_t{7}}}, "indices");
  tf.set_as_is(0, tf.emit("GatherND", {x, indices}), -1);
  return true;
}

bool top_k(TfImporter& tf, const TfNode& node) {
  const ValueId x = tf.as_is(0);
  const bool sorted = !node.has("sorted") || node.flag("sorted");
  const auto results =
      tf.emit_many("TopK", {x, tf.as_i64(1)}, 2,
                   {{"axis", int64_t{-1}}, {"largest", int64_t{1}}, {"sorted", int64_t{sorted}}});
  tf.set_as_is(0, results[0], tf.rank(0));
  if (tf.outputs_read() > 1) tf.set_as_is(1, narrowed(tf, results[1], "indices"), tf.rank(0));
  return true;
}

bool shape(TfImporter& tf, const TfNode& node) {
  const bool nchw = tf.prefers_nchw(0);
  ValueId result = tf.emit("Shape", {tf.operand(0, nchw)}, {}, "shape");
  if (nchw)
    result = tf.emit("Gather", {result, tf.add_ints("order", kToNhwc)}, {{"axis", int64_t{0}}}, "nhwc");
  if (node.type("out_type") != "DT_INT64") result = narrowed(tf, result, "");
  tf.set_as_is(0, result, 1);
  return true;
}

bool fill(TfImporter& tf, const TfNode& /*node*/) {
  const Tensor* dims = tf.constant(0);
  const ValueId value = tf.as_is(1);
  tf.set_as_is(0, tf.emit("Expand", {value, tf.as_i64(0)}),
               dims == nullptr ? -1 : static_cast<int>(dims->size()));
  return true;
}

bool broadcast_to(TfImporter& tf, const TfNode& /*node*/) {
  const Tensor* dims = tf.constant(1);
  const ValueId x = tf.as_is(0);
  tf.set_as_is(0, tf.emit("Expand", {x, tf.as_i64(1)}),
               dims == nullptr ? -1 : static_cast<int>(dims->size()));
  return true;
}

bool tile(TfImporter& tf, const TfNode& /*node*/) {
  const auto repeats = tf.ints(1);
  if (tf.prefers_nchw(0) && repeats && repeats->size() == 4) {
    const auto& r = *repeats;
    tf.set_nchw(0, tf.emit("Tile", {tf.nchw(0), tf.add_ints("repeats", {r[0], r[3], r[1], r[2]})}));
    return true;
  }
  const ValueId x = tf.as_is(0);
  tf.set_as_is(0, tf.emit("Tile", {x, tf.as_i64(1)}), tf.rank(0));
  return true;
}

bool range(TfImporter& tf, const TfNode& /*node*/) {
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < tf.input_count(); ++i) inputs.push_back(tf.as_is(i));
  tf.set_as_is(0, tf.emit("Range", std::move(inputs)), 1);
  return true;
}

}  // namespace

void add_shape_operators(TfOperators& table) {
  table["Reshape"] = reshape;
  table["Transpose"] = transpose;
  table["ExpandDims"] = expand_dims;
  table["Squeeze"] = squeeze;
  for (const char* name : {"Mean", "Sum", "Max", "Min", "Prod", "Any", "All"}) table[name] = reduce;
  table["ArgMax"] = table["ArgMin"] = arg_reduce;
  table["Softmax"] = table["LogSoftmax"] = softmax;
  table["ConcatV2"] = concat;
  table["Split"] = table["SplitV"] = split;
  table["Pack"] = pack;
  table["Unpack"] = unpack;
  table["Pad"] = table["PadV2"] = table["MirrorPad"] = pad;
  table["Slice"] = slice;
  table["StridedSlice"] = strided_slice;
  table["Gather"] = table["GatherV2"] = gather;
  table["GatherNd"] = gather_nd;
  table["TopK"] = table["TopKV2"] = top_k;
  table["Shape"] = shape;
  table["Fill"] = fill;
  table["BroadcastTo"] = broadcast_to;
  table["Tile"] = tile;
  table["Range"] = range;
  table["L2Normalize"] = l2_normalise;
}

}  // namespace tarsier::import
