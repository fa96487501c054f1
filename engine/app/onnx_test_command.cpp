// tarsier onnx-test: ONNX backend test cases on the user's device.
#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/command_line.hpp"
#include "app/commands.hpp"
#include "core/console.hpp"
#include "core/file.hpp"
#include "core/text.hpp"
#include "infer/backend_case.hpp"

namespace tarsier::app {
namespace {

using Outcome = infer::CaseResult::Outcome;

struct OnnxTestOptions {
  std::vector<std::string> folders;
  std::string json;
};

std::string_view name_of(Outcome outcome) {
  return outcome == Outcome::kPass ? "pass" : outcome == Outcome::kFail ? "fail" : "unsupported";
}

/// Refusals list every node; a line a case is enough here, the JSON file has them whole.
std::string one_line(const std::string& text) {
  constexpr size_t kWidth = 300;
  const std::string line = text.substr(0, text.find('\n'));
  return line.size() <= kWidth ? line : line.substr(0, kWidth) + " ...";
}

Status run_cases(const GlobalOptions& globals, const OnnxTestOptions& options) {
  if (!options.json.empty()) TARSIER_CHECK(check_writable("--json", options.json));
  std::vector<std::filesystem::path> cases;
  for (const auto& folder : options.folders) {
    TARSIER_TRY(const auto found, infer::find_backend_cases(folder));
    cases.insert(cases.end(), found.begin(), found.end());
  }
  TARSIER_TRY(const auto device, gpu::Device::create(device_options(globals)));
  infer::CompileOptions compile;
  // Each case is run once: measuring kernels for it would take longer than it saves.
  compile.tune = infer::Tune::kOff;

  std::map<std::string_view, size_t> totals{{"pass", 0}, {"fail", 0}, {"unsupported", 0}};
  auto rows = nlohmann::json::array();
  for (const auto& folder : cases) {
    const auto started = std::chrono::steady_clock::now();
    const auto result = infer::run_backend_case(*device, folder, compile);
    const double ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started).count();
    const auto outcome = name_of(result.outcome);
    ++totals[outcome];
    const std::string name = folder.filename().string();
    print("{:<12}{}{}\n", outcome, name,
          !result.reason.empty()        ? ": " + one_line(result.reason)
          : result.largest_error != 0.0 ? fmt::format(" (largest error {:.3g})", result.largest_error)
                                        : "");
    rows.push_back({{"name", name},
                    {"path", folder.string()},
                    {"result", outcome},
                    {"largest_error", result.largest_error},
                    {"reason", result.reason},
                    {"ms", ms}});
  }
  print("{} cases on {}: {} pass, {} fail, {} unsupported\n", cases.size(), device->info().name,
        totals["pass"], totals["fail"], totals["unsupported"]);
  TARSIER_CHECK(
      write_json(options.json, {{"device", device->info().name}, {"totals", totals}, {"cases", rows}}));
  TARSIER_CHECK(check_validation(*device));
  if (totals["fail"] > 0) return runtime_error("{} of {} cases fail", totals["fail"], cases.size());
  return {};
}

}  // namespace

void register_onnx_test_command(CLI::App& app, GlobalOptions& globals, Action& action) {
  CLI::App* command = app.add_subcommand("onnx-test", "Run ONNX backend test cases on the device");
  const auto options = std::make_shared<OnnxTestOptions>();
  command
      ->add_option("DIR", options->folders,
                   "A case (model.onnx, test_data_set_*/input_*.pb and output_*.pb) or a folder of cases")
      ->required();
  command->add_option("--json", options->json, "Write the results here too")->type_name("FILE");
  command->footer(
      "One line a case: pass, fail (why, and where most), unsupported (which operators or types); totals "
      "last.\n"
      "Tolerances are ONNX's: relative 1e-3, absolute 1e-7. Exit code 1 where a case fails.\n"
      "Examples:\n"
      "  tarsier onnx-test /usr/share/libonnx-testdata/data/node\n"
      "  tarsier onnx-test ./my_case --json result.json\n");
  add_common_flags(*command, globals, true);
  command->callback([&, options] { action = [&, options] { return run_cases(globals, *options); }; });
}

}  // namespace tarsier::app
