// The ends of detection networks in TensorFlow Lite: boxes decoded from anchors, and suppression whose
// results are as many as the file says, zeros behind those that were found.
#include <cmath>
#include <flatbuffers/flexbuffers.h>
#include <limits>

#include "import/tflite_detail.hpp"

namespace tarsier::import {
namespace {

/// The greatest number below: the engine takes scores above a threshold, this operator those that reach it.
float just_below(float threshold) {
  return std::nextafter(threshold, -std::numeric_limits<float>::infinity());
}

// ---- from the file

/// Options are a map of numbers (a FlexBuffer).
Result<bool> detection_post_process(TfliteOperator& op) {
  const auto bytes = op.custom_options();
  const Shape encodings = op.input_shape(0), scores = op.input_shape(1), anchors = op.input_shape(2);
  std::vector<uint8_t> reused;
  if (bytes.empty() || !flexbuffers::VerifyBuffer(bytes.data(), bytes.size(), &reused)) return false;
  const auto root = flexbuffers::GetRoot(bytes.data(), bytes.size());
  if (!root.IsMap() || encodings.size() != 3 || encodings[0] != 1 || encodings[2] < 4 || scores.size() != 3 ||
      scores[0] != 1 || scores[1] != encodings[1] || anchors != Shape{encodings[1], 4})
    return false;
  const auto options = root.AsMap();
  const auto integer = [&](const char* key, int64_t fallback) {
    const auto value = options[key];
    return value.IsNumeric() ? value.AsInt64() : fallback;
  };
  auto& attributes = op.node.attributes;
  const int64_t classes = integer("num_classes", 0), detections = integer("max_detections", 0);
  if (classes < 1 || classes > scores[2] || scores[2] - classes > 1 || detections < 1 || detections > 65536)
    return false;
  attributes["boxes"] = encodings[1];
  attributes["classes"] = classes;
  attributes["background"] = scores[2] - classes;
  attributes["most"] = detections;
  attributes["each"] =
      std::clamp<int64_t>(integer("max_classes_per_detection", 1), 1, classes);  // classes of one box
  attributes["regular"] = options["use_regular_nms"].AsBool();
  attributes["most_of_class"] = std::max<int64_t>(integer("detections_per_class", 100), 0);
  for (const char* key :
       {"nms_score_threshold", "nms_iou_threshold", "y_scale", "x_scale", "h_scale", "w_scale"})
    attributes[key] = options[key].AsFloat();
  return op.becomes("DetectionPostProcess");
}

/// boxes, scores, most results, IoU, score and, in version 5, the width of soft suppression.
Result<bool> non_max_suppression(TfliteOperator& op) {
  const Tensor* most = op.context.value(2);
  if (most == nullptr || most->size() != 1) return false;
  if (op.name == "NON_MAX_SUPPRESSION_V5") {
    const Tensor* sigma = op.context.value(5);
    if (sigma == nullptr || sigma->size() != 1 || sigma->to_floats()[0] != 0) return false;
  }
  const int64_t count = most->to_ints()[0];
  if (count < 0 || count > 65536 || op.input_shape(1).size() != 1) return false;
  op.node.attributes["most"] = count;
  op.node.attributes["boxes"] = op.input_shape(1)[0];
  op.node.attributes["with_scores"] = op.name == "NON_MAX_SUPPRESSION_V5";
  return op.becomes("PaddedNonMaxSuppression");
}

// ---- into the graph

ValueId integer(TfImporter& tf, std::string_view suffix, int64_t value) {
  return tf.add_constant(suffix, Tensor::i64({}, std::span(&value, 1)));
}

/// Columns [from, to) of the last axis.
ValueId columns(TfImporter& tf, ValueId x, int64_t from, int64_t to, const std::string& name) {
  return tf.emit("Slice",
                 {x, tf.add_ints(name + "/from", {from}), tf.add_ints(name + "/to", {to}),
                  tf.add_ints(name + "/axis", {-1})},
                 {}, name);
}

/// Boxes [1,N,4] as y, x, height, width relative to anchors [N,4] of the same form -> corners y0, x0, y1, x1.
ValueId decoded(TfImporter& tf, const TfNode& node) {
  const ValueId encodings = tf.as_is(0), anchors = tf.as_is(2);
  ValueId low[2], high[2];
  for (int axis = 0; axis < 2; ++axis) {
    const std::string name = axis == 0 ? "y" : "x";
    const auto scaled = [&](int column, const char* key) {
      const ValueId value = columns(tf, encodings, column, column + 1, fmt::format("{}/{}", name, key));
      return tf.emit("Div", {value, tf.add_scalar(fmt::format("{}/by", key), node.real(key, 1))}, {},
                     fmt::format("{}/{}/scaled", name, key));
    };
    const ValueId place = scaled(axis, axis == 0 ? "y_scale" : "x_scale"),
                  size = scaled(axis + 2, axis == 0 ? "h_scale" : "w_scale");
    const ValueId anchor = columns(tf, anchors, axis, axis + 1, name + "/anchor"),
                  extent = columns(tf, anchors, axis + 2, axis + 3, name + "/extent");
    const ValueId centre =
        tf.emit("Add", {tf.emit("Mul", {place, extent}, {}, name + "/moved"), anchor}, {}, name + "/centre");
    const ValueId whole =
        tf.emit("Mul", {tf.emit("Exp", {size}, {}, name + "/exp"), extent}, {}, name + "/whole");
    const ValueId half = tf.emit("Mul", {whole, tf.add_scalar(name + "/1_2", 0.5F)}, {}, name + "/half");
    low[axis] = tf.emit("Sub", {centre, half}, {}, name + "/low");
    high[axis] = tf.emit("Add", {centre, half}, {}, name + "/high");
  }
  return tf.emit("Concat", {low[0], low[1], high[0], high[1]}, {{"axis", int64_t{-1}}}, "corners");
}

struct Kept {
  ValueId rows;   // [rows, 3] of (0, class, box)
  ValueId count;  // [1]
};

/// boxes [1,N,4], scores [1,C,N]: up to `most` boxes of each class.
Kept suppressed(TfImporter& tf, ValueId boxes, ValueId scores, int64_t most, ValueId iou, ValueId least) {
  const auto kept =
      tf.emit_many("NonMaxSuppressionBounded", {boxes, scores, tf.add_ints("most", {most}), iou, least}, 2);
  return {kept[0], kept[1]};
}

/// Which of `rows` places hold something, [rows].
ValueId valid(TfImporter& tf, ValueId count, int64_t rows) {
  std::vector<int64_t> places(static_cast<size_t>(rows));
  for (int64_t i = 0; i < rows; ++i) places[static_cast<size_t>(i)] = i;
  return tf.emit("Less", {tf.add_ints("places", places), count}, {}, "valid");
}

ValueId column(TfImporter& tf, ValueId rows, int64_t index, const std::string& name) {
  return tf.emit("Gather", {rows, integer(tf, name + "/column", index)}, {{"axis", int64_t{1}}}, name);
}

/// The first `most` places of axis 0, zeros where there are fewer or where `used` says no.
ValueId placed(TfImporter& tf, ValueId x, ValueId used, ValueId zero, int64_t rows, int64_t most,
               int64_t rank, const std::string& name) {
  for (int64_t axis = 1; axis < rank; ++axis)
    used = tf.emit("Unsqueeze", {used, tf.add_ints(fmt::format("{}/axis{}", name, axis), {-1})}, {},
                   fmt::format("{}/used{}", name, axis));
  x = tf.emit("Where", {used, x, zero}, {}, name + "/used");
  if (rows == most) return x;
  std::vector<int64_t> pads(static_cast<size_t>(rank) * 2);
  pads[static_cast<size_t>(rank)] = most - rows;
  return tf.emit("Pad", {x, tf.add_ints(name + "/pads", pads)}, {{"mode", std::string("constant")}},
                 name + "/padded");
}

/// encodings [1,N,4..], scores [1,N,background + C], anchors [N,4] -> boxes [1,M,4], classes [1,M], scores
/// [1,M], how many [1]. Fast: suppression by the best score of each box, whose `each` best classes are told.
/// Regular: suppression class by class, the best of all are told.
bool detection(TfImporter& tf, const TfNode& node) {
  const int64_t boxes = node.integer("boxes", 0), classes = node.integer("classes", 1),
                background = node.integer("background", 0), most = node.integer("most", 1);
  const bool regular = node.flag("regular");
  const int64_t each = regular ? 1 : node.integer("each", 1);
  const ValueId iou = tf.add_scalar("iou", node.real("nms_iou_threshold", 0)),
                least = tf.add_scalar("least", just_below(node.real("nms_score_threshold", 0)));
  const ValueId zero = tf.add_scalar("zero", 0);
  const ValueId corners = decoded(tf, node);
  const ValueId scores = columns(tf, tf.as_is(1), background, background + classes, "scores");
  const ValueId flat = tf.emit("Squeeze", {corners, tf.add_ints("batch", {0})}, {}, "flat");  // [N,4]
  ValueId found_boxes, found_classes, found_scores, used;
  ValueId count, told;  // of rows; of what the network says it found
  int64_t rows;
  if (regular) {
    const ValueId by_class = tf.emit("Transpose", {scores}, {{"perm", Ints{0, 2, 1}}}, "by_class");
    const int64_t of_class = std::min(node.integer("most_of_class", 100), boxes);
    const Kept kept = suppressed(tf, corners, by_class, of_class, iou, least);
    const ValueId of_rows = tf.emit("GatherND", {by_class, kept.rows}, {}, "row_scores");
    // Places that hold nothing come last.
    const ValueId ranked = tf.emit("Where",
                                   {valid(tf, kept.count, of_class * classes), of_rows,
                                    tf.add_scalar("none", -std::numeric_limits<float>::infinity())},
                                   {}, "ranked");
    rows = std::min(most, of_class * classes);
    const auto best = tf.emit_many("TopK", {ranked, tf.add_ints("rows", {rows})}, 2, {{"axis", int64_t{0}}});
    count = tf.emit("Min", {kept.count, tf.add_ints("rows", {rows})}, {}, "count");
    const ValueId chosen = tf.emit("Gather", {kept.rows, best[1]}, {{"axis", int64_t{0}}}, "chosen");
    found_boxes = tf.emit("Gather", {flat, column(tf, chosen, 2, "box")}, {{"axis", int64_t{0}}}, "boxes");
    found_classes = tf.emit("Cast", {column(tf, chosen, 1, "class")}, {{"to", int64_t{1}}}, "classes");
    found_scores = best[0];
    told = count;
  } else {
    const ValueId of_boxes =
        tf.emit("Squeeze", {scores, tf.add_ints("batch", {0})}, {}, "of_boxes");  // [N,C]
    const auto best =
        tf.emit_many("TopK", {of_boxes, tf.add_ints("each", {each})}, 2, {{"axis", int64_t{1}}});
    const ValueId top = columns(tf, best[0], 0, 1, "top");  // [N,1]
    const ValueId by_box = tf.emit("Reshape", {top, tf.add_ints("by_box", {1, 1, boxes})}, {}, "top_scores");
    const int64_t picked = std::min(most, boxes);
    const Kept kept = suppressed(tf, corners, by_box, picked, iou, least);
    const ValueId box = column(tf, kept.rows, 2, "box");  // [picked]
    // Each box once for each of its classes.
    const ValueId shape = tf.add_ints("shape", {picked, each, 4}), wide = tf.add_ints("wide", {1});
    const ValueId repeated = tf.emit(
        "Expand",
        {tf.emit("Unsqueeze", {tf.emit("Gather", {flat, box}, {{"axis", int64_t{0}}}, "picked"), wide}, {},
                 "boxes1"),
         shape},
        {}, "repeated");
    rows = picked * each;
    found_boxes = tf.emit("Reshape", {repeated, tf.add_ints("rows", {rows, 4})}, {}, "boxes");
    const ValueId line = tf.add_ints("line", {rows});
    const auto of_picked = [&](ValueId value, const std::string& name) {
      return tf.emit("Reshape",
                     {tf.emit("Gather", {value, box}, {{"axis", int64_t{0}}}, name + "/picked"), line}, {},
                     name);
    };
    found_scores = of_picked(best[0], "found_scores");
    found_classes = tf.emit("Cast", {of_picked(best[1], "found_classes")}, {{"to", int64_t{1}}}, "classes");
    told = kept.count;  // boxes, whatever the number of their classes
    count = tf.emit("Mul", {kept.count, tf.add_ints("each", {each})}, {}, "count");
  }
  const int64_t places = most * each;
  used = valid(tf, count, rows);
  const ValueId first = tf.add_ints("first", {0});
  const auto finish = [&](size_t output, ValueId value, int64_t rank, const std::string& name) {
    const ValueId whole = placed(tf, value, used, zero, rows, places, rank, name);
    tf.set_as_is(output, tf.emit("Unsqueeze", {whole, first}, {}, fmt::format("output{}", output)),
                 static_cast<int>(rank) + 1);
  };
  finish(0, found_boxes, 2, "all_boxes");
  finish(1, found_classes, 1, "all_classes");
  finish(2, found_scores, 1, "all_scores");
  tf.set_as_is(3, tf.emit("Cast", {told}, {{"to", int64_t{1}}}, "output3"), 1);
  return true;
}

/// boxes [N,4], scores [N] -> indices [most] and, where asked for, scores [most], then how many [].
bool padded_suppression(TfImporter& tf, const TfNode& node) {
  const int64_t most = node.integer("most", 0), rows = std::min(most, node.integer("boxes", 0));
  const ValueId scores = tf.as_is(1);
  const ValueId boxes3 = tf.emit("Unsqueeze", {tf.as_is(0), tf.add_ints("batch", {0})}, {}, "boxes");
  const ValueId scores3 = tf.emit("Unsqueeze", {scores, tf.add_ints("class", {0, 1})}, {}, "scores");
  const Kept kept = suppressed(tf, boxes3, scores3, rows, tf.as_is(3), tf.as_is(4));
  const ValueId used = valid(tf, kept.count, rows);
  const ValueId indices = column(tf, kept.rows, 2, "indices");
  const ValueId whole = placed(tf, indices, used, integer(tf, "zero", 0), rows, most, 1, "all_indices");
  tf.set_as_is(0, narrowed(tf, whole, "output0"), 1);
  size_t last = 1;
  if (node.flag("with_scores")) {
    const ValueId found = tf.emit("Gather", {scores, indices}, {{"axis", int64_t{0}}}, "found");
    tf.set_as_is(last++, placed(tf, found, used, tf.add_scalar("zero", 0), rows, most, 1, "all_scores"), 1);
  }
  const ValueId count = tf.emit("Squeeze", {kept.count, tf.add_ints("axis", {0})}, {}, "count");
  tf.set_as_is(last, narrowed(tf, count, "output_count"), 0);
  return true;
}

}  // namespace

void add_detection_translations(TfliteTranslations& table) {
  table["TFLite_Detection_PostProcess"] = detection_post_process;
  table["NON_MAX_SUPPRESSION_V4"] = table["NON_MAX_SUPPRESSION_V5"] = non_max_suppression;
}

void add_detection_operators(TfOperators& table) {
  table["DetectionPostProcess"] = detection;
  table["PaddedNonMaxSuppression"] = padded_suppression;
}

}  // namespace tarsier::import
