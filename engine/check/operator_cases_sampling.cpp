// Rows of the operator table: windows, sampling, gathers and scatters, normalisations. operator_test.cpp says
// how to add one.
#include "check/operator_case.hpp"

namespace tarsier::check {

using Kind = graph::PostOp::Kind;
using Ints = std::vector<int64_t>;

namespace {

std::string text(const char* value) {
  return value;
}

void add_pools(std::vector<OperatorCase>& cases) {
  const Attributes window{{"kernel_shape", Ints{3, 2}}, {"strides", Ints{2, 1}}, {"pads", Ints{1, 0, 1, 1}}};
  cases.push_back({"MaxPool", {x({2, 5, 7, 5})}, window, kExact, 2});
  Attributes columns = window;
  columns["storage_order"] = int64_t{1};
  cases.push_back({"MaxPool", {x({1, 3, 13, 7})}, columns, kExact, 2});
  cases.push_back({"MaxPool", {ints({1, 3, 7, 5}, -100, 100)}, window, kExact});
  for (const int64_t p : {1, 2, 3}) {
    Attributes norm = window;
    norm["p"] = p;
    cases.push_back({"LpPool", {x({1, 5, 7, 13})}, norm, kReduction});
  }
  const Attributes volume{{"kernel_shape", Ints{3, 2, 3}},
                          {"strides", Ints{2, 1, 2}},
                          {"dilations", Ints{1, 2, 1}},
                          {"pads", Ints{1, 1, 1, 0, 1, 1}}};
  cases.push_back({"MaxPool", {x({1, 3, 7, 5, 5})}, volume, kExact, 2});
  cases.push_back({"MaxPool", {ints({2, 3, 7, 5, 5}, -100, 100)}, volume, kExact});
  cases.push_back({"AveragePool", {x({2, 3, 5, 7, 5})}, volume, kReduction});
  Attributes padded = volume;
  padded["count_include_pad"] = int64_t{1};
  padded["ceil_mode"] = int64_t{1};
  cases.push_back({"AveragePool", {x({1, 3, 7, 7, 5})}, padded, kReduction});
  cases.push_back({"LpPool", {x({1, 3, 7, 5, 5})}, volume, kReduction});
  cases.push_back({"GlobalAveragePool", {x({2, 3, 5, 3, 7})}, {}, kReduction});
  cases.push_back({"GlobalMaxPool", {x({2, 3, 13})}, {}, kExact});
}

void add_resizes(std::vector<OperatorCase>& cases) {
  const CaseInput region = reals({0, 0, 0.2, 0.3, 1, 1, 0.9, 1.2});
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    const Attributes crop{{"mode", text(mode)},
                          {"coordinate_transformation_mode", text("tf_crop_and_resize")},
                          {"extrapolation_value", 10.0F}};
    cases.push_back({"Resize", {x({1, 5, 7, 5}), region, none(), list({1, 5, 13, 7})}, crop, kReduction});
    const Attributes plain{{"mode", text(mode)}};
    cases.push_back({"Resize", {x({2, 3, 13}), none(), none(), list({2, 3, 7})}, plain, kReduction});
    cases.push_back({"Resize", {x({2, 3, 5, 7}), none(), none(), list({3, 5, 5, 7})}, plain, kReduction});
    cases.push_back({"Resize", {x({1, 3, 5, 7, 3}), none(), reals({1, 1, 1.5, 0.5, 2})}, plain, kReduction});
    cases.push_back({"Resize",
                     {x({1, 5, 7, 13}), none(), none(), list({5, 5})},
                     {{"mode", text(mode)},
                      {"axes", Ints{2, 3}},
                      {"antialias", int64_t{1}},
                      {"keep_aspect_ratio_policy", text("not_smaller")}},
                     kReduction});
  }
  cases.push_back({"Resize",
                   {x({2, 5, 7, 5}), none(), none(), list({2, 5, 7, 13})},
                   {{"mode", text("cubic")}, {"exclude_outside", int64_t{1}}},
                   kReduction});
  cases.push_back(
      {"Resize", {ints({3, 5}), none(), none(), list({7, 4})}, {{"mode", text("nearest")}}, kExact});
  for (const char* mode : {"constant", "edge", "reflect", "wrap"}) {
    cases.push_back(
        {"Pad", {x({1, 5, 7, 5}), list({0, 0, 3, 2, 0, 0, -1, 4})}, {{"mode", text(mode)}}, kExact});
    cases.push_back({"Pad", {ints({3, 5}), list({2, -1, 1, 7})}, {{"mode", text(mode)}}, kExact});
  }
}

void add_samplers(std::vector<OperatorCase>& cases) {
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    for (const char* border : {"zeros", "border", "reflection"}) {
      const Attributes attributes{{"mode", text(mode)},
                                  {"padding_mode", text(border)},
                                  {"align_corners", int64_t{mode[0] == 'l' ? 1 : 0}}};
      cases.push_back({"GridSample", {x({2, 5, 7, 5}), x({2, 5, 3, 2}, -1.4, 1.4)}, attributes, kReduction});
      cases.push_back(
          {"GridSample", {x({1, 3, 3, 7, 5}), x({1, 5, 3, 2, 3}, -1.4, 1.4)}, attributes, kReduction});
    }
  }
  cases.push_back({"GridSample", {x({1, 37, 7, 13}), x({1, 13, 7, 2}, -2, 2)}, {}, kReduction});
  cases.push_back(
      {"GridSample", {ints({2, 3, 7, 5}), x({2, 5, 3, 2}, -1.4, 1.4)}, {{"mode", text("nearest")}}, kExact});
  // The last is far larger than the picture.
  const CaseInput regions{.shape = {4, 4},
                          .values = {1, 1, 9, 8, 0, 0, 3.3, 2.2, -3, 2, 30, 5, -9000, -3, 9000, 12}};
  const CaseInput images{.shape = {4}, .dtype = graph::DType::kI64, .values = {0, 1, 1, 0}};
  for (const char* mode : {"avg", "max"}) {
    for (const int64_t ratio : {0, 2}) {
      cases.push_back(
          {"RoiAlign",
           {x({2, 5, 13, 7}), regions, images},
           {{"mode", text(mode)},
            {"sampling_ratio", ratio},
            {"output_height", int64_t{3}},
            {"output_width", int64_t{2}},
            {"spatial_scale", 0.75F},
            {"coordinate_transformation_mode", text(ratio == 0 ? "half_pixel" : "output_half_pixel")}},
           kReduction});
    }
  }
  cases.push_back(
      {"MaxRoiPool",
       {x({2, 5, 13, 7}), {.shape = {3, 5}, .values = {0, 1, 1, 9, 8, 1, 0, 0, 3.3, 2.2, 1, 2, 2, 30, 5}}},
       {{"pooled_shape", Ints{3, 2}}, {"spatial_scale", 0.75F}},
       kExact});
  const Attributes window{{"kernel_shape", Ints{3, 3}},
                          {"strides", Ints{2, 2}},
                          {"pads", Ints{1, 1, 1, 1}},
                          {"offset_group", int64_t{2}}};
  cases.push_back(
      {"DeformSample", {x({1, 6, 7, 5}), x({1, 36, 4, 3}), x({1, 18, 4, 3})}, window, kReduction});
  cases.push_back({"DeformSample", {x({1, 42, 7, 5}), x({1, 36, 4, 3})}, window, kReduction});
  cases.push_back({"DeformSample", {x({2, 2, 7, 5}), x({2, 36, 4, 3}, -9, 9)}, window, kReduction});
}

void add_scatters(std::vector<OperatorCase>& cases) {
  const Attributes second{{"axis", int64_t{1}}};
  cases.push_back({"GatherElements", {x({3, 5, 7}), ints({3, 13, 5}, -5, 4)}, second, kExact});
  cases.push_back({"GatherElements", {ints({13}), ints({5}, -13, 12)}, {}, kExact});
  cases.push_back({"GatherND", {x({3, 5, 7}), ints({5, 3, 2}, -3, 2)}, {}, kExact});
  cases.push_back({"GatherND", {x({3, 5, 7}), ints({3, 5, 1}, -5, 4)}, {{"batch_dims", int64_t{1}}}, kExact});
  cases.push_back(
      {"GatherND", {ints({3, 5, 7}), ints({3, 5, 1}, -7, 6)}, {{"batch_dims", int64_t{2}}}, kExact});
  cases.push_back(
      {"ScatterElements",
       {x({3, 5}), {.shape = {3, 2}, .dtype = graph::DType::kI64, .values = {0, -1, 2, 3, 4, 1}}, x({3, 2})},
       second,
       kExact});
  cases.push_back(
      {"ScatterND",
       {x({5, 7}), {.shape = {3, 1}, .dtype = graph::DType::kI64, .values = {0, -1, 2}}, x({3, 7})},
       {},
       kExact});
  for (const char* reduction : {"add", "mul", "max", "min"}) {
    const Attributes attributes{{"axis", int64_t{1}}, {"reduction", text(reduction)}};
    cases.push_back(
        {"ScatterElements", {x({3, 5, 7}), ints({3, 13, 5}, -5, 4), x({3, 13, 5})}, attributes, kReduction});
    cases.push_back(
        {"ScatterElements", {ints({3, 5}), ints({3, 7}, -5, 4), ints({3, 7}, -3, 3)}, attributes, kExact});
    const Attributes tuples{{"reduction", text(reduction)}};
    cases.push_back({"ScatterND", {x({3, 5, 7}), ints({13, 2}, -3, 2), x({13, 7})}, tuples, kReduction});
  }
  const CaseInput lengths{.shape = {5}, .dtype = graph::DType::kI64, .values = {0, 1, 7, 3, 5}};
  cases.push_back({"ReverseSequence", {x({7, 5, 3}), lengths}, {}, kExact});
  cases.push_back({"ReverseSequence",
                   {ints({5, 7}), lengths},
                   {{"time_axis", int64_t{1}}, {"batch_axis", int64_t{0}}},
                   kExact});
  cases.push_back({"Col2Im",
                   {x({2, 18, 12}), list({5, 6}), list({2, 3})},
                   {{"strides", Ints{1, 2}}, {"pads", Ints{0, 1, 0, 0}}},
                   kReduction});
  cases.push_back({"Col2Im",
                   {x({1, 16, 8}), list({3, 4, 5}), list({2, 2, 2})},
                   {{"strides", Ints{1, 2, 2}}},
                   kReduction});
}

void add_normalisations(std::vector<OperatorCase>& cases) {
  cases.push_back({"LayerNormalization", {x({2, 7, 13}), x({13}), x({13})}, {}, kReduction, 3});
  cases.push_back({"LayerNormalization", {x({300, 8}, 90, 99), x({8}), x({8})}, {}, {2e-3, 1e-3, 1e-6}, 3});
  cases.push_back({"LayerNormalization", {x({3, 5, 8}), x({5, 8})}, {{"axis", int64_t{1}}}, kReduction});
  cases.push_back({"LayerNormalization", {x({1, 197, 96}), w({96}), w({96})}, {}, kReduction});
  cases.push_back({"LayerNormalization", {x({2, 0}), x({0})}, {}, kExact, 3});
  cases.push_back({"RMSNormalization", {x({2, 7, 13}), x({13})}, {}, kReduction});
  cases.push_back({"RMSNormalization", {x({5, 64}), w({64})}, {}, kReduction});
  for (const char* op : {"InstanceNormalization", "GroupNormalization"}) {
    const Attributes groups{{"num_groups", int64_t{3}}};
    cases.push_back({op, {x({2, 6, 5, 7}), x({6}), x({6})}, groups, kReduction});
    cases.push_back({op, {x({1, 15, 13, 13}, 3, 5), w({15}), w({15})}, groups, {1e-4, 1e-3, 1e-6}});
    cases.push_back({op, {x({2, 6, 13}), x({6}), x({6})}, groups, kReduction});
    cases.push_back({op, {x({2, 12, 1, 1}), x({12}), x({12})}, {{"num_groups", int64_t{1}}}, kReduction});
    cases.push_back({op, {x({1, 3, 3, 5, 8}), x({3}), x({3})}, groups, kReduction});
    cases.push_back({op, {x({2, 6, 5, 7}), x({6}), x({6})}, groups, kReduction, 1, {{Kind::kSilu}}});
  }
  cases.push_back(
      {"LRN", {x({2, 13, 5, 7})}, {{"size", int64_t{5}}, {"alpha", 0.5F}, {"bias", 2.0F}}, kReduction});
  cases.push_back({"LRN", {x({1, 8, 5, 7})}, {{"size", int64_t{4}}, {"beta", 0.5F}}, kReduction});
  cases.push_back({"LRN", {x({1, 3, 1, 5})}, {{"size", int64_t{13}}, {"alpha", 1.0F}}, kReduction});
  // Nothing but zeros around the padding channel.
  cases.push_back({"LRN", {x({1, 3, 2, 2}, 0, 0)}, {{"size", int64_t{3}}, {"bias", 0.0F}}, kExact});
}

}  // namespace

std::vector<OperatorCase> sampling_cases() {
  std::vector<OperatorCase> cases;
  add_pools(cases);
  add_resizes(cases);
  add_samplers(cases);
  add_scatters(cases);
  add_normalisations(cases);
  return cases;
}

}  // namespace tarsier::check
