// What a pipeline runs as: the files that it was read from and its parameters. A run has one; one that is
// compared with it, or takes its place, is another.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/run_options.hpp"
#include "core/param.hpp"
#include "models/catalogue.hpp"
#include "models/store.hpp"
#include "pipeline/preset_file.hpp"
#include "record/session.hpp"

namespace tarsier::app {

struct Setup {
  RunOptions options;
  std::shared_ptr<const record::Session> session;  // that is played; null: none
  size_t session_frame = 0;                        // its change that is in force: Session::change_for()
  Params params;
  Params
      declared;  // params as the pipeline file and the command line gave them, before the overlay's changes
  pipeline::PipelineSpec spec;
  pipeline::Preset preset;            // in use; without a name: none
  std::vector<std::string> left_out;  // stages whose networks could not be had; their parameters are
                                      // withdrawn
  /// Whether pipeline and parameters are the session's, and change where they changed there.
  [[nodiscard]] bool follows_session() const { return session && options.pipeline.empty(); }
};

/// Keys with values that the overlay sets before stages are declared: networks.
using Picks = std::vector<std::pair<std::string, ParamValue>>;

/// Declares the stages and parameters of options.pipeline, or of the session that is followed, with
/// options.set and options.preset, opening nothing but the files. Errors (kInput): what the user got wrong in
/// them; then `setup` stays as it was.
Status read_setup(Setup& setup, const models::Catalogue& catalogue, const Picks& picks = {});

/// What becomes of values that the overlay set.
enum class OverlayValues : bool { kKeep, kDrop };

/// The files of `options` as they are now, to take the place of `now`. Values that changed there since `now`
/// was read count, unless the command line set them; what the overlay set stays where the files' value did,
/// or goes altogether. Errors: as of read_setup().
Result<Setup> read_again(const Setup& now, const RunOptions& options, OverlayValues overlay,
                         const models::Catalogue& catalogue, const Picks& picks = {});

/// Whether `next` needs stages of its own: they, their masks or what they read at their start differ.
[[nodiscard]] bool needs_stages(const Setup& now, const Setup& next);

/// The parameters that name a network.
[[nodiscard]] std::vector<std::string> network_keys(const Params& params, const models::Catalogue& catalogue);

/// Networks of the catalogue that the stage of this key can run, as far as its declaration tells, and that
/// are there or may be fetched unasked.
[[nodiscard]] std::vector<std::string> networks_for(const Setup& setup, const std::string& key,
                                                    const models::Catalogue& catalogue,
                                                    const models::StoreOptions& store);

}  // namespace tarsier::app
