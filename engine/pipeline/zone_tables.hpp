// The [[stage.zone]] and [[stage.line]] tables of a pipeline file: which of them a source shows, and how
// changes of them are written into the file's text.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "pipeline/pipeline_file.hpp"

namespace tarsier::pipeline {

/// Those of the stage that are places in that source's picture, in the file's order. ZoneSpec::source is a
/// capture::place_name().
[[nodiscard]] std::vector<ZoneSpec> zones_in(const StageSpec& stage, std::string_view source);
[[nodiscard]] std::vector<vision::ZoneShape> shapes_of(std::span<const ZoneSpec> zones);

struct ZoneChange {
  std::optional<ZoneSpec> was;  // as the file has it; nullopt: a new one
  std::optional<ZoneSpec> now;  // nullopt: it goes
};

/// The text of a pipeline file after these changes of a stage's zones and lines. Of a table only the values
/// that changed are written, a new one comes behind the stage's last; all else stays byte for byte, comments,
/// line ends and a missing newline at the end among it. What is not in the file any more is added again.
/// Errors (kInput), with `file` in front: no TOML, no such stage, tables that are written inline.
Result<std::string> with_zones(const std::string& text, const std::string& file, std::string_view stage,
                               std::span<const ZoneChange> changes);

/// The same with the file itself, in one step: others see the old file or the new one. Links stay links.
/// Errors: as above, or the file cannot be read or written (kRuntime).
Status save_zones(const std::filesystem::path& file, std::string_view stage,
                  std::span<const ZoneChange> changes);
/// The same into a copy, which must not be there yet.
Status save_zones_as(const std::filesystem::path& file, const std::filesystem::path& copy,
                     std::string_view stage, std::span<const ZoneChange> changes);

}  // namespace tarsier::pipeline
