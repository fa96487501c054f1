#include "pipeline/landmark_stage.hpp"

#include "core/text.hpp"

namespace tarsier::pipeline {
namespace {

constexpr double kGap_s = 1;  // frames that are further apart have nothing to do with each other

/// The error of a network that reads or gives something else than `wanted` does.
Error wrong_head(const models::Entry& entry, const models::Catalogue& catalogue, models::Head wanted,
                 std::string_view does) {
  if (!entry.own_file.empty()) return unsuitable(entry, does, "landmarks");
  std::vector<std::string> names;
  for (const auto& other : catalogue.entries()) {
    if (other.head == wanted) names.push_back(other.name);
  }
  return input_error("{}: {} (its head is '{}'); choose {}", entry.name, does, models::name_of(entry.head),
                     join(names, " or "));
}

}  // namespace

Status declare_network(const StageSpec& spec, std::string_view key, const char* initial, models::Head head,
                       std::string_view does, const models::Catalogue& catalogue, Params& params) {
  TARSIER_TRY(const auto entry, declare_model(spec, initial, catalogue, params, key));
  if (entry.head != head) return at(spec, key, params, wrong_head(entry, catalogue, head, does));
  return {};
}

Result<std::vector<vision::TensorRef>> head_outputs(const Network& network, size_t count) {
  TARSIER_TRY(auto outputs, network.head_outputs());
  if (network.input_width() != network.input_height()) {
    return input_error("{}: a network of head '{}' reads a square, this one {}x{}", network.entry().name,
                       models::name_of(network.entry().head), network.input_width(), network.input_height());
  }
  if (outputs.size() == count) return outputs;
  return input_error("{}: a network of head '{}' has {}, this one {}; name {} in `outputs`",
                     network.entry().name, models::name_of(network.entry().head),
                     count == 1 ? "one output" : fmt::format("{} outputs", count), outputs.size(),
                     count == 1 ? "it" : "them");
}

void declare_filter(StageParams& declare, const vision::OneEuroParams& initial, std::string_view what) {
  declare.number("min_cutoff", double(initial.min_cutoff), {.min = 0.01, .max = 30, .unit = "Hz"},
                 fmt::format("One Euro filter: lower is steadier while {} stands still", what));
  declare.number("beta", double(initial.beta), {.max = 200, .unit = "Hz s"},
                 fmt::format("One Euro filter: higher follows with less lag while {} moves", what));
  declare.number("d_cutoff", double(initial.d_cutoff), {.min = 0.1, .max = 30, .unit = "Hz"},
                 fmt::format("One Euro filter: how fast it notices that {} moves", what));
}

vision::OneEuroParams filter_params(const Params& params, const std::string& stage) {
  return {.min_cutoff = float(params.real(stage + ".min_cutoff")),
          .beta = float(params.real(stage + ".beta")),
          .d_cutoff = float(params.real(stage + ".d_cutoff"))};
}

bool LandmarkRuns::begin(const DeviceFrame& picture, bool needed) {
  const double passed = picture.time_s - time_s_;
  const bool other = passed < 0 || passed > kGap_s || picture.width != width_ || picture.height != height_;
  time_s_ = picture.time_s;
  width_ = picture.width;
  height_ = picture.height;
  restarts_ = other || !ran_;
  seconds_ = restarts_ ? 0 : float(passed);
  ran_ = needed || wanted_;
  if (restarts_) ++epoch_;
  return ran_;
}

present::SkeletonShow skeleton_show_of(const std::string& choice) {
  if (choice == "off") return present::SkeletonShow::kOff;
  return choice == "points" ? present::SkeletonShow::kPoints : present::SkeletonShow::kSkeleton;
}

}  // namespace tarsier::pipeline
