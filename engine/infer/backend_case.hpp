// ONNX backend test cases: a folder with model.onnx and recorded inputs and outputs
// (test_data_set_N/input_K.pb, output_K.pb), as the ONNX project and its exporters publish them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "gpu/device.hpp"
#include "infer/plan.hpp"

namespace tarsier::infer {

/// What ONNX's own runner asks for: |got - wanted| <= absolute + relative * |wanted|, element by element.
/// Models of double precision are computed and compared in single precision under the same numbers.
struct CaseTolerance {
  double absolute = 1e-7, relative = 1e-3;
};

struct CaseResult {
  enum class Outcome : uint8_t { kPass, kFail, kUnsupported };
  Outcome outcome = Outcome::kPass;
  /// Over all outputs and data sets, of |got - wanted|; NaN against NaN and equal infinities count as 0.
  double largest_error = 0;
  std::string reason;  // of kFail and kUnsupported, one line
};

/// Folders below `root` (or `root` itself) that hold a model.onnx, sorted. Errors: no such folder, none
/// found.
Result<std::vector<std::filesystem::path>> find_backend_cases(const std::filesystem::path& root);

/// Runs every data set of the case. Outputs of random generators are compared by shape, mean and spread.
/// kUnsupported: the model, or a type among its inputs or outputs, is refused; the reason names it all.
CaseResult run_backend_case(gpu::Device& device, const std::filesystem::path& folder,
                            const CompileOptions& options = {}, const CaseTolerance& tolerance = {});

}  // namespace tarsier::infer
