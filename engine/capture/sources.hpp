// The kinds of source behind open_source; private to this folder.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "capture/frame_source.hpp"

namespace tarsier::capture {

using SourceResult = Result<std::unique_ptr<FrameSource>>;

/// By libavformat and libavcodec, exact to the frame.
SourceResult open_video_file(const std::string& path, const SourceOptions& options);
/// `index` of /dev/video<index>.
SourceResult open_camera(const std::string& spec, int index, const SourceOptions& options);
/// http(s):// (MJPEG, or a file that FFmpeg reads over HTTP), rtsp://, rtmp://, udp://, ...
SourceResult open_stream(const std::string& url, const SourceOptions& options);
SourceResult open_gstreamer(const std::string& pipeline);
/// `files` in playing order; `spec` is what the user wrote.
SourceResult open_images(const std::string& spec, std::vector<std::filesystem::path> files,
                         const SourceOptions& options);
SourceResult open_synthetic(const std::string& spec);

/// What FFmpeg plays as a terminal animation; nobody means that. Playlists and SDP files are none.
bool looks_like_text(const std::string& path);
/// Containers may claim anything: 0 and -1 for what cannot be.
double sane_fps(double fps);
int64_t sane_count(double count);
/// The library's last error, or `fallback`.
std::string reason_or(std::string_view fallback);

/// By extension: what OpenCV's imread is asked to read.
bool is_image_file(const std::filesystem::path& path);
/// What is likely meant by a path that does not exist: ", did you mean ..." a neighbour with a similar name,
/// or "".
std::string similar_neighbour(const std::filesystem::path& path);
/// Orders "frame2.png" before "frame10.png".
bool natural_less(const std::string& a, const std::string& b);

}  // namespace tarsier::capture
