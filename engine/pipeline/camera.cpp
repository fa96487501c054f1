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
  const auto number = [&](const char* name, double initial, double min, double max, const char* unit,
                          const char* help) {
    return declare_number(spec, fmt::format("camera.{}", name), initial, min, max, unit, help, params);
  };
  TARSIER_CHECK(number("height", 1.3, 0.05, 20, "m", "of the camera above the road"));
  TARSIER_CHECK(
      params.declare({.key = spec.name + ".camera.horizon",
                      .type = ParamType::kChoice,
                      .initial = std::string("pitch"),
                      .help = "where it is: by `pitch`, or where the lane lines meet once they are seen",
                      .choices = {"pitch", "lanes"}}));
  TARSIER_CHECK(number("pitch", 0, -89, 89, "degrees", "positive: the camera looks down"));
  TARSIER_CHECK(number("fov", 60, 1, 179, "degrees", "horizontal field of view; unused with fx"));
  TARSIER_CHECK(number("fx", 0, 0, 1e5, "px", "focal length in pixels of the frame (0: from fov)"));
  TARSIER_CHECK(number("fy", 0, 0, 1e5, "px", "the same for rows (0: as fx)"));
  TARSIER_CHECK(number("cx", 0, 0, 1e5, "px", "column of the optical axis (0: the middle)"));
  TARSIER_CHECK(number("cy", 0, 0, 1e5, "px", "row of the optical axis (0: the middle)"));
  TARSIER_CHECK(number("sigma_row", 1.5, 0.1, 50, "px",
                       "standard deviation of a box's lower edge, from frame to frame"));
  TARSIER_CHECK(number("sigma_pitch", 0.2, 0, 10, "degrees", "standard deviation of the pitch"));
  return number("sigma_height", 0.05, 0, 5, "m", "standard deviation of the height");
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
