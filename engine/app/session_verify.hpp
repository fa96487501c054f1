// Runs a session anew and compares what is found with what was found.
#pragma once

#include <string>
#include <vector>

#include "app/run_options.hpp"
#include "pipeline/pipeline_file.hpp"
#include "record/result_compare.hpp"
#include "record/session.hpp"

namespace tarsier::app {

struct VerifyOptions {
  GlobalOptions globals;
  std::string session, against;  // folders; against "": a run on this machine
  std::string source;            // where the session's clip is now; "": where it was
  record::Tolerance tolerance;
  bool tolerance_given = false;
};

/// What a comparison of two runs came to.
struct Verdict {
  uint64_t frames = 0, differing = 0;
  uint64_t frame = 0;  // the first that differs, its place in the session
  std::string stage;   // of the pipeline, whose result differs first there
  record::Difference difference;
  [[nodiscard]] bool same() const { return differing == 0; }
};

/// Lines of results, one a frame. Errors: as of first_difference().
Result<Verdict> compare_results(const std::vector<std::string>& was, const std::vector<std::string>& is,
                                const pipeline::PipelineSpec& spec, const record::Tolerance& tolerance);

/// Results of the session's frames, made now with its pipeline, parameters and precision. Errors: what keeps
/// it from running, a network that is another one now.
struct SessionRun {
  std::vector<std::string> results;
  std::string device, driver;
};
Result<SessionRun> run_again(const record::Session& session, const VerifyOptions& options);

/// Prints the verdict. Errors: the runs differ (kRuntime), or cannot be compared.
Status verify(const VerifyOptions& options);

}  // namespace tarsier::app
