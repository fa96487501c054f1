// Runs a session anew and compares what is found with what was found.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/run_options.hpp"
#include "pipeline/pipeline_file.hpp"
#include "record/result_compare.hpp"
#include "record/session.hpp"
#include "record/session_layers.hpp"

namespace tarsier::app {

struct VerifyOptions {
  GlobalOptions globals;
  std::string session, against;  // folders; against "": a run on this machine
  std::string source;            // where the session's clip is now; "": where it was
  record::Tolerance tolerance;
  bool tolerance_given = false;
};

/// What one side found in a frame: its line of results, and its networks' layers where they are known.
struct FoundInFrame {
  std::string line;
  std::vector<pipeline::NetworkRun> runs;
};

/// Compares what two runs found as it comes.
class Verdict {
 public:
  Verdict(pipeline::PipelineSpec spec, const record::Tolerance& tolerance)
      : spec_(std::move(spec)), tolerance_(tolerance) {}
  /// Of the next frame. Errors: as of record::differences().
  Status add(const FoundInFrame& was, const FoundInFrame& is);
  [[nodiscard]] const record::Tolerance& tolerance() const { return tolerance_; }

  uint64_t frames = 0, differing = 0;
  uint64_t frame = 0;  // the first that differs, its place in the session
  std::string stage;   // of the pipeline, whose result differs first there; empty: it is of no stage
  std::optional<record::Difference> difference;  // none where only layers differ, and no result does
  std::optional<record::LayerDifference> layer;  // the first one that differs in that stage
  bool layers_known = false;                     // whether that stage's layers could be compared

 private:
  pipeline::PipelineSpec spec_;
  record::Tolerance tolerance_;
};

/// Prints the verdict. Errors: the runs differ (kRuntime), or cannot be compared.
Status verify(const VerifyOptions& options);

}  // namespace tarsier::app
