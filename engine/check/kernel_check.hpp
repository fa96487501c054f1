// The operator table (operator_case.hpp) on a device: what the kernel tests and `tarsier check` run.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "check/operator_case.hpp"
#include "gpu/device.hpp"

namespace tarsier::check {

/// Every row of operator_cases_*.cpp but those that are only timed.
[[nodiscard]] const std::vector<OperatorCase>& all_cases();

/// The one-node graph of a case, and the data of what is not constant.
struct Built {
  graph::Graph graph;
  std::map<graph::ValueId, graph::Tensor> data;
};
Result<Built> build(const OperatorCase& c);

/// How a case did in all layouts, storages and places that its kernel takes.
struct CaseCheck {
  size_t runs = 0;
  std::vector<std::string> failures;  // which run, which output, by how much; empty: all agree
};
CaseCheck check_case(gpu::Device& device, const OperatorCase& c);

}  // namespace tarsier::check
