// The attributes of the standard's operators and their types.
//
// The standard uses a name for one thing: of all operators and opsets, four attributes alone have a type that
// depends on more than their name. So one table of names does for all operators, and it is the only way for
// an attribute of a file to reach an operator: one that is not here is left out.
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/text.hpp"
#include "import/onnx_detail.hpp"

namespace tarsier::import {
namespace {

using Proto = onnx::AttributeProto;
using Type = onnx::AttributeProto::AttributeType;

/// The names of each type, in alphabetical order.
constexpr std::pair<Type, std::string_view> kNames[] = {
    {Proto::INT,
     "align_corners allowzero antialias axis batch_axis batch_dims block_size blocksize broadcast "
     "ceil_mode center_point_box chunk_size count_include_pad detect_negative detect_positive dtype "
     "end exclude_outside exclusive fmod group hidden_size ignore_index input_forget interleaved "
     "inverse is_case_sensitive is_causal is_test k keepdims kv_num_heads largest layout "
     "left_window_size linear_before_reset max_gram_length max_skip_count maxsplit min_gram_length "
     "new_axis noop_with_empty_axes num_groups num_heads num_outputs num_scan_inputs offset_group "
     "onesided output_datatype output_dtype output_height output_sequence output_width p periodic "
     "precision q_num_heads qk_matmul_output_mode reverse right_window_size rotary_embedding_dim "
     "sample_size sampling_ratio saturate select_last_index size softmax_precision sorted spatial "
     "start stash_type storage_order time_axis to training_mode transA transB upper value_int"},
    {Proto::INTS,
     "axes consumed_inputs dilations directions ends kernel_shape ngram_counts ngram_indexes "
     "output_padding output_shape paddings pads perm pool_int64s pooled_shape scan_input_axes "
     "scan_input_directions scan_output_axes scan_output_directions shape split starts strides "
     "value_ints"},
    {Proto::FLOAT,
     "alpha beta bias clip cubic_coeff_a epsilon extrapolation_value gamma height_scale high lambd low "
     "max mean min momentum ratio scale seed softcap spatial_scale value_float width_scale"},
    {Proto::FLOATS, "activation_alpha activation_beta scales value_floats weights"},
    {Proto::STRING,
     "activation approximate auto_pad case_change_action coordinate_transformation_mode delimiter "
     "direction equation keep_aspect_ratio_policy locale mode nearest_mode padding_mode pattern "
     "pixel_format reduction round_mode update_rule value_string"},
    {Proto::STRINGS, "activations pool_strings stopwords value_strings"},
    {Proto::TENSOR, "value"},
    {Proto::SPARSE_TENSOR, "sparse_value"},
    {Proto::TYPE_PROTO, "type"},
    {Proto::GRAPH, "body else_branch prob_mod score_mod then_branch"},
};

const std::unordered_map<std::string, Type>& types() {
  static const auto table = [] {
    std::unordered_map<std::string, Type> out;
    for (const auto& [type, names] : kNames)
      for (auto& name : split(names, ' ')) out.emplace(std::move(name), type);
    return out;
  }();
  return table;
}

std::string_view phrase(Type type) {
  switch (type) {
    case Proto::INT:
      return "an integer";
    case Proto::INTS:
      return "a list of integers";
    case Proto::FLOAT:
      return "a float";
    case Proto::FLOATS:
      return "a list of floats";
    case Proto::STRING:
      return "a string";
    case Proto::STRINGS:
      return "a list of strings";
    case Proto::TENSOR:
      return "a tensor";
    case Proto::TENSORS:
      return "a list of tensors";
    case Proto::SPARSE_TENSOR:
      return "a sparse tensor";
    case Proto::SPARSE_TENSORS:
      return "a list of sparse tensors";
    case Proto::TYPE_PROTO:
      return "a type";
    case Proto::TYPE_PROTOS:
      return "a list of types";
    case Proto::GRAPH:
      return "a graph";
    case Proto::GRAPHS:
      return "a list of graphs";
    default:
      return "of no type";
  }
}

/// Whether the attribute holds something that it does not say it holds.
bool contradicts_itself(const Proto& proto) {
  const Type type = proto.type();
  return (proto.has_i() && type != Proto::INT) || (proto.has_f() && type != Proto::FLOAT) ||
         (proto.has_s() && type != Proto::STRING) || (proto.has_t() && type != Proto::TENSOR) ||
         (proto.has_g() && type != Proto::GRAPH) || (proto.ints_size() > 0 && type != Proto::INTS) ||
         (proto.floats_size() > 0 && type != Proto::FLOATS) ||
         (proto.strings_size() > 0 && type != Proto::STRINGS);
}

}  // namespace

Result<bool> check_attribute(const onnx::AttributeProto& proto, std::string_view op, int64_t opset) {
  const auto found = types().find(proto.name());
  if (found == types().end()) return false;
  Type expected = found->second;
  if (proto.name() == "value" && op == "Pad") expected = Proto::FLOAT;
  if (proto.name() == "seed" && op == "Dropout") expected = Proto::INT;
  if (proto.name() == "to" && opset < 6) expected = Proto::STRING;
  if (proto.name() == "p" && opset < 2) expected = Proto::FLOAT;
  if (proto.type() != expected)
    return input_error("attribute '{}' is {}, {} is expected", proto.name(), phrase(proto.type()),
                       phrase(expected));
  if (contradicts_itself(proto))
    return input_error("attribute '{}' says that it is {}, but holds something else", proto.name(),
                       phrase(expected));
  return true;
}

}  // namespace tarsier::import
