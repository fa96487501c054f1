// Input tensors from files, for `infer` and `bench`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "infer/plan.hpp"

namespace tarsier::app {

/// "NAME=FILE.npy" arguments of --in.
Result<std::map<std::string, graph::Tensor>> read_inputs(const std::vector<std::string>& arguments);

/// The tensor in the element type that the network takes; between floats, and between integers, freely.
Result<graph::Tensor> convert_input(const graph::Tensor& tensor, const std::string& name,
                                    graph::DType wanted);

}  // namespace tarsier::app
