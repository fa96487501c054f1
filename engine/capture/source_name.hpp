// What people are shown of a source, and what a pipeline file says of it.
#pragma once

#include <string>
#include <string_view>

namespace tarsier::capture {

/// What the user gave to open_source(), without what is nobody's business: of a URL without user, password
/// and query; of a GStreamer pipeline the elements and what tells cameras and files apart.
[[nodiscard]] std::string display_name(std::string_view spec);

/// Names the clip or camera in a pipeline file, where it may lie in any folder: "vtest.avi", "video2",
/// "10.0.0.1/live"; of a GStreamer pipeline that names no place a number that is always the same. The same
/// for a text and for its display_name().
[[nodiscard]] std::string place_name(std::string_view spec);

}  // namespace tarsier::capture
