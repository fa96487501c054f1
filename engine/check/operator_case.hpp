// One row of the operator table: a node with its operands, and how exact it must be.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "check/tolerance.hpp"
#include "graph/graph.hpp"

namespace tarsier::check {

struct CaseInput {
  graph::Shape shape;
  graph::DType dtype = graph::DType::kF32;
  double low = -2, high = 2;  // uniform random values
  bool constant = false;
  std::vector<double> values;  // instead of random ones
  bool absent = false;
};

using Attributes = std::map<std::string, graph::Attribute, std::less<>>;

struct PostCase {
  graph::PostOp::Kind kind;
  float a = 0, b = 0;
  CaseInput operand{.absent = true};
};

struct OperatorCase {
  std::string op;
  std::vector<CaseInput> inputs;
  Attributes attributes;
  Tolerance tolerance = kElementwise;
  size_t outputs = 1;
  std::vector<PostCase> post;
};

// --- operands

inline CaseInput x(graph::Shape shape, double low = -2, double high = 2) {
  return {.shape = std::move(shape), .low = low, .high = high};
}
inline CaseInput ints(graph::Shape shape, double low = -9, double high = 9) {
  return {.shape = std::move(shape), .dtype = graph::DType::kI64, .low = low, .high = high};
}
inline CaseInput bools(graph::Shape shape) {
  return {.shape = std::move(shape), .dtype = graph::DType::kBool, .low = 0, .high = 1};
}
/// Constant weights with random values.
inline CaseInput w(graph::Shape shape, double low = -1, double high = 1) {
  return {.shape = std::move(shape), .low = low, .high = high, .constant = true};
}
/// A constant list of integers: axes, pads, sizes, ...
inline CaseInput list(std::vector<double> values) {
  return {.shape = {int64_t(values.size())},
          .dtype = graph::DType::kI64,
          .constant = true,
          .values = std::move(values)};
}
inline CaseInput scalar(double value) {
  return {.shape = {}, .constant = true, .values = {value}};
}
inline CaseInput reals(std::vector<double> values) {
  return {.shape = {int64_t(values.size())}, .constant = true, .values = std::move(values)};
}
inline CaseInput none() {
  return {.absent = true};
}

/// The whole table: operator_cases_*.cpp.
std::vector<OperatorCase> convolution_cases();
std::vector<OperatorCase> elementwise_cases();
std::vector<OperatorCase> spatial_cases();
std::vector<OperatorCase> movement_cases();
std::vector<OperatorCase> reduction_cases();
std::vector<OperatorCase> integer_cases();
std::vector<OperatorCase> recurrent_cases();
std::vector<OperatorCase> math_cases();
std::vector<OperatorCase> sampling_cases();
std::vector<OperatorCase> type_cases();

}  // namespace tarsier::check
