// The pipeline's camera: one description for all stages that measure on the road.
#pragma once

#include <span>
#include <string>

#include "pipeline/stage.hpp"
#include "vision/ground_plane.hpp"

namespace tarsier::pipeline {

/// What every picture says that shows what is measured so.
constexpr const char* kEstimates = "estimates, not safety-rated";

/// The first stage that needs a camera declares its keys, [stage.camera]; the others take the same.
Status declare_camera(const StageSpec& spec, std::span<const StageSpec> before, Params& params);
/// Errors (kInput): the horizon is to come from lanes that no stage before this one follows.
Status check_horizon(const StageSpec& spec, std::span<const StageSpec> before, const Params& params);
/// Prefix of its keys: "<stage>.camera". Errors: it was left out with the stage that declared it.
Result<std::string> camera_of(const StageSpec& spec, const StageContext& context);

/// As the parameters describe it.
[[nodiscard]] vision::CameraDesc read_camera(const std::string& key, const Params& params);
/// Whether the pitch is a first guess alone, which the lane lines correct.
[[nodiscard]] bool horizon_from_lanes(const std::string& key, const Params& params);

}  // namespace tarsier::pipeline
