// Runs a session anew and compares what is found with what was found.
#pragma once

#include <string>
#include <string_view>

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

/// Compares two runs' lines of results as they come.
class Verdict {
 public:
  Verdict(pipeline::PipelineSpec spec, const record::Tolerance& tolerance)
      : spec_(std::move(spec)), tolerance_(tolerance) {}
  /// Of the next frame. Errors: as of record::differences().
  Status add(std::string_view was, std::string_view is);
  [[nodiscard]] const record::Tolerance& tolerance() const { return tolerance_; }

  uint64_t frames = 0, differing = 0;
  uint64_t frame = 0;  // the first that differs, its place in the session
  std::string stage;   // of the pipeline, whose result differs first there; empty: it is of no stage
  record::Difference difference;

 private:
  pipeline::PipelineSpec spec_;
  record::Tolerance tolerance_;
};

/// Prints the verdict. Errors: the runs differ (kRuntime), or cannot be compared.
Status verify(const VerifyOptions& options);

}  // namespace tarsier::app
