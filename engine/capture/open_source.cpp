// Decides what kind of source the user's words name.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <glob.h>
#include <regex>

#include "capture/quiet.hpp"
#include "capture/sources.hpp"
#include "core/text.hpp"

namespace tarsier::capture {
namespace fs = std::filesystem;
namespace {

std::optional<int> parse_index(std::string_view text) {
  int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::vector<fs::path> files_matching(const std::string& pattern) {
  glob_t found{};
  std::vector<fs::path> files;
  if (::glob(pattern.c_str(), GLOB_TILDE, nullptr, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc; ++i) {
      const fs::path path = found.gl_pathv[i];
      if (is_image_file(path)) files.push_back(path);
    }
  }
  ::globfree(&found);
  return files;
}

void sort_naturally(std::vector<fs::path>& files) {
  std::sort(files.begin(), files.end(),
            [](const fs::path& a, const fs::path& b) { return natural_less(a.string(), b.string()); });
}

Result<std::vector<fs::path>> images_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    if (at->is_regular_file(code) && is_image_file(at->path())) files.push_back(at->path());
  }
  if (code) return input_error("{}: folder cannot be read: {}", folder.string(), code.message());
  return files;
}

}  // namespace

Result<std::optional<uint64_t>> FrameSource::count() {
  return no_seek();
}
Status FrameSource::seek(uint64_t /*position*/) {
  return no_seek();
}
Result<uint64_t> FrameSource::position_at(double /*time_s*/) {
  return no_seek();
}
Result<double> FrameSource::time_of(uint64_t /*position*/) {
  return no_seek();
}
Result<std::vector<uint64_t>> FrameSource::key_frames() {
  return no_seek();
}

Error FrameSource::no_seek() const {
  return input_error("{}: a {} cannot be sought in; only video files, image folders and 'synthetic' can",
                     info().name, info().live ? "live " + info().kind : info().kind);
}

Error FrameSource::outside(uint64_t position, uint64_t count) const {
  if (count == 0) return input_error("{}: has no frame {}, nor any other", info().name, position);
  return input_error("{}: has no frame {}; its frames are 0 to {}", info().name, position, count - 1);
}

Error FrameSource::outside(double time_s, double last_s) const {
  return input_error("{}: has no frame at {:.3f} s; it lasts from 0 to {:.3f} s", info().name, time_s,
                     last_s);
}

std::string similar_neighbour(const fs::path& path) {
  std::vector<std::string> names;
  std::error_code code;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  for (fs::directory_iterator at(folder, code), end; !code && at != end && names.size() < 1000;
       at.increment(code)) {
    names.push_back(at->path().filename().string());
  }
  return did_you_mean(path.filename().string(), names);
}

SourceResult open_source(const std::string& spec, const SourceOptions& options) {
  silence_libraries();
  if (spec.empty()) {
    return input_error(
        "no source given; name a video file, a camera index, an image folder, a URL or 'synthetic'");
  }
  if (spec == "synthetic" || spec.starts_with("synthetic:")) return open_synthetic(spec);
  std::error_code code;
  const fs::path path = spec.starts_with("file://") ? spec.substr(7) : spec;
  const auto status = fs::status(path, code);
  if (fs::is_regular_file(status)) {
    if (fs::file_size(path, code) == 0) return input_error("{}: the file is empty", spec);
    if (is_image_file(path)) return open_images(spec, {path}, options);
    return open_video_file(path.string(), options);
  }
  if (fs::is_directory(status)) {
    TARSIER_TRY(auto files, images_in(path));
    if (files.empty()) {
      return input_error("{}: no images in this folder; it should hold .png, .jpg, .bmp, .tif or .webp files",
                         spec);
    }
    sort_naturally(files);
    return open_images(spec, std::move(files), options);
  }
  if (const auto index = parse_index(spec)) return open_camera(spec, *index, options);
  static constexpr std::string_view kDevice = "/dev/video";
  if (spec.starts_with(kDevice)) {
    if (const auto index = parse_index(std::string_view(spec).substr(kDevice.size()))) {
      return open_camera(spec, *index, options);
    }
  }
  if (spec.find("://") != std::string::npos && !spec.starts_with("file://")) {
    if (spec.find(" ! ") != std::string::npos) return open_gstreamer(spec);
    return open_stream(spec, options);
  }
  if (spec.find('!') != std::string::npos) return open_gstreamer(spec);

  // frame_%05d.png is what tools print and people paste: the same as frame_*.png.
  static const std::regex numbered("%0?[0-9]*d");
  const std::string pattern = std::regex_replace(spec, numbered, "[0-9]*");
  if (pattern.find_first_of("*?[") != std::string::npos) {
    auto files = files_matching(pattern);
    if (files.empty()) return input_error("{}: no image file matches this pattern", spec);
    sort_naturally(files);
    return open_images(spec, std::move(files), options);
  }
  return input_error("{}: no such file, folder or camera{}", spec, similar_neighbour(path));
}

}  // namespace tarsier::capture
