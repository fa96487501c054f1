#include "infer/backend_case.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "import/import.hpp"
#include "infer/device_tensor.hpp"
#include "infer/runner.hpp"

namespace tarsier::infer {
namespace {

namespace fs = std::filesystem;
using graph::Graph;
using graph::Tensor;
using Outcome = CaseResult::Outcome;

struct DataSet {
  std::vector<Tensor> inputs, outputs;
};

Result<std::vector<Tensor>> read_tensors(const fs::path& folder, std::string_view prefix) {
  std::vector<Tensor> tensors;
  for (int i = 0;; ++i) {
    const fs::path path = folder / fmt::format("{}_{}.pb", prefix, i);
    if (!fs::exists(path)) return tensors;
    TARSIER_TRY(Tensor tensor, import::load_onnx_tensor(path));
    tensors.push_back(std::move(tensor));
  }
}

bool draws_numbers(const Graph& graph) {
  static constexpr std::array<std::string_view, 6> kGenerators{
      "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"};
  return std::ranges::any_of(graph.nodes, [](const auto& node) {
    return std::ranges::find(kGenerators, node.op) != kGenerators.end() || node.op == "Dropout";
  });
}

/// Empty where the two could be draws of the same distribution: mean and deviation within five standard
/// errors (and a tenth of the spread, for short tensors).
std::string compare_distribution(const std::vector<float>& got, const std::vector<float>& wanted) {
  const auto moments = [](const std::vector<float>& values) {
    double sum = 0, squares = 0;
    for (const float x : values) sum += x;
    const double mean = sum / double(values.size());
    for (const float x : values) squares += (x - mean) * (x - mean);
    return std::pair(mean, std::sqrt(squares / double(values.size())));
  };
  if (wanted.empty()) return {};
  const auto [mean, deviation] = moments(got);
  const auto [wanted_mean, wanted_deviation] = moments(wanted);
  const double spread = std::max(deviation, wanted_deviation);
  const double allowed = spread * (0.1 + 5 / std::sqrt(double(wanted.size())));
  if (std::fabs(mean - wanted_mean) <= allowed && std::fabs(deviation - wanted_deviation) <= allowed)
    return {};
  return fmt::format("mean {:.4g} and deviation {:.4g}, {:.4g} and {:.4g} wanted", mean, deviation,
                     wanted_mean, wanted_deviation);
}

/// Empty where all elements agree; `largest` is kept up to date.
std::string compare_elements(const std::vector<float>& got, const std::vector<float>& wanted,
                             const CaseTolerance& tolerance, double& largest) {
  size_t bad = 0, worst = 0;
  double worst_error = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double g = got[i], w = wanted[i];
    if ((std::isnan(g) && std::isnan(w)) || g == w) continue;
    const double error = std::fabs(g - w);
    largest = std::isnan(error) ? error : std::max(largest, error);
    if (error <= tolerance.absolute + tolerance.relative * std::fabs(w) && !std::isinf(w)) continue;
    if (bad++ == 0 || error > worst_error) worst = i, worst_error = error;
  }
  if (bad == 0) return {};
  return fmt::format("{} of {} elements differ, most at {}: {:.6g}, {:.6g} wanted", bad, wanted.size(), worst,
                     got[worst], wanted[worst]);
}

std::string compare(const std::vector<Tensor>& got, const std::vector<Tensor>& wanted, bool random,
                    const CaseTolerance& tolerance, double& largest) {
  if (got.size() < wanted.size()) return fmt::format("{} outputs, {} wanted", got.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (got[i].shape() != wanted[i].shape())
      return fmt::format("output {} has shape {}, {} wanted", i, graph::to_string(got[i].shape()),
                         graph::to_string(wanted[i].shape()));
    if (is_real(got[i].dtype()) != is_real(wanted[i].dtype()))
      return fmt::format("output {} is {}, {} wanted", i, graph::name_of(got[i].dtype()),
                         graph::name_of(wanted[i].dtype()));
    const auto text = random
                          ? compare_distribution(got[i].to_floats(), wanted[i].to_floats())
                          : compare_elements(got[i].to_floats(), wanted[i].to_floats(), tolerance, largest);
    if (!text.empty()) return fmt::format("output {}: {}", i, text);
  }
  return {};
}

CaseResult refused(const Error& error) {
  return {error.kind == ErrorKind::kInput ? Outcome::kUnsupported : Outcome::kFail, 0, error.message};
}

}  // namespace

Result<std::vector<fs::path>> find_backend_cases(const fs::path& root) {
  std::vector<fs::path> found;
  std::error_code error;
  if (!fs::is_directory(root, error))
    return input_error("{}: no such folder; name one with ONNX test cases (model.onnx in each)",
                       root.string());
  if (fs::exists(root / "model.onnx", error)) found.push_back(root);
  constexpr auto kSkip = fs::directory_options::skip_permission_denied;
  for (auto at = fs::recursive_directory_iterator(root, kSkip, error);
       at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (error) break;
    if (at->is_directory(error) && fs::exists(at->path() / "model.onnx", error)) found.push_back(at->path());
  }
  if (found.empty())
    return input_error("{}: holds no ONNX test cases (no model.onnx in it or below)", root.string());
  std::ranges::sort(found);
  return found;
}

CaseResult run_backend_case(gpu::Device& device, const fs::path& folder, const CompileOptions& options,
                            const CaseTolerance& tolerance) {
  auto graph = import::load_onnx(folder / "model.onnx");
  if (!graph.ok()) return refused(graph.error());
  const bool random = draws_numbers(*graph);
  std::vector<fs::path> sets;
  for (int i = 0; fs::is_directory(folder / fmt::format("test_data_set_{}", i)); ++i)
    sets.push_back(folder / fmt::format("test_data_set_{}", i));
  if (sets.empty())
    return {Outcome::kFail, 0, fmt::format("{}: has no test_data_set_0 beside its model", folder.string())};
  Runner runner(device, *std::move(graph), options);
  CaseResult result;
  for (const auto& set : sets) {
    const auto inputs = read_tensors(set, "input");
    if (!inputs.ok()) return refused(inputs.error());
    const auto wanted = read_tensors(set, "output");
    if (!wanted.ok()) return refused(wanted.error());
    const auto got = runner.run(*inputs);
    if (!got.ok()) return refused(got.error());
    result.reason = compare(*got, *wanted, random, tolerance, result.largest_error);
    if (result.reason.empty()) continue;
    result.outcome = Outcome::kFail;
    return result;
  }
  return result;
}

}  // namespace tarsier::infer
