#include "pipeline/camera.hpp"

#include <algorithm>

namespace tarsier::pipeline {
namespace {

bool has_camera(const std::string& stage, const Params& params) {
  return std::ranges::any_of(
      params.specs(), [key = stage + ".camera.height"](const ParamSpec& spec) { return spec.key == key; });
}

}  // namespace

Result<std::string> camera_of(const StageSpec& spec, const StageContext& context) {
  for (const auto& stage : context.before) {
    if (has_camera(stage->name(), context.params)) return stage->name() + ".camera";
  }
  if (has_camera(spec.name, context.params)) return spec.name + ".camera";
  return runtime_error("the stage with its [stage.camera] is left out");
}

Status check_horizon(const StageSpec& spec, std::span<const StageSpec> before, const Params& params) {
  if (!has_camera(spec.name, params) || !horizon_from_lanes(spec.name + ".camera", params)) return {};
  for (const auto& other : before) {
    if (other.type == kLanesStage.name) return {};
  }
  return at(
      spec, "camera.horizon", params,
      input_error("stage '{}': camera.horizon = 'lanes', but no stage before it follows them; put a stage of "
                  "type lanes there, or give camera.pitch and horizon = 'pitch'",
                  spec.name));
}

Status declare_camera(const StageSpec& spec, std::span<const StageSpec> before, Params& params) {
  for (const auto& other : before) {
    if (has_camera(other.name, params)) return {};
  }
  StageParams declare(spec.name + ".camera", params);
  declare.number("height", 1.3, {.min = 0.05, .max = 20, .unit = "m"}, "of the camera above the road");
  declare.choice("horizon", "pitch", {"pitch", "lanes"},
                 "where it is: by `pitch`, or where the lane lines meet once they are seen");
  declare.number("pitch", 0, {.min = -89, .max = 89, .unit = "degrees"}, "positive: the camera looks down");
  declare.number("fov", 60, {.min = 1, .max = 179, .unit = "degrees"},
                 "horizontal field of view; unused with fx");
  const StageParams::Range pixels{.max = 1e5, .unit = "px"};
  declare.number("fx", 0, pixels, "focal length in pixels of the frame (0: from fov)");
  declare.number("fy", 0, pixels, "the same for rows (0: as fx)");
  declare.number("cx", 0, pixels, "column of the optical axis (0: the middle)");
  declare.number("cy", 0, pixels, "row of the optical axis (0: the middle)");
  declare.number("sigma_row", 1.5, {.min = 0.1, .max = 50, .unit = "px"},
                 "standard deviation of a box's lower edge, from frame to frame");
  declare.number("sigma_pitch", 0.2, {.max = 10, .unit = "degrees"}, "standard deviation of the pitch");
  declare.number("sigma_height", 0.05, {.max = 5, .unit = "m"}, "standard deviation of the height");
  return declare.status();
}

vision::CameraDesc read_camera(const std::string& key, const Params& params) {
  const auto real = [&](const char* name) { return params.real(fmt::format("{}.{}", key, name)); };
  return {.height_m = real("height"),
          .pitch_deg = real("pitch"),
          .fov_deg = real("fov"),
          .fx_px = real("fx"),
          .fy_px = real("fy"),
          .cx_px = real("cx"),
          .cy_px = real("cy"),
          .sigma_row_px = real("sigma_row"),
          .sigma_pitch_deg = real("sigma_pitch"),
          .sigma_height_m = real("sigma_height")};
}

bool horizon_from_lanes(const std::string& key, const Params& params) {
  return params.text(key + ".horizon") == "lanes";
}

}  // namespace tarsier::pipeline
