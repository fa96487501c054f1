#include "app/outputs.hpp"

#include <fmt/format.h>

namespace tarsier::app {
namespace fs = std::filesystem;
namespace {

bool same_place(const fs::path& one, const fs::path& other) {
  if (one.empty() || other.empty()) return false;
  std::error_code code;
  if (fs::equivalent(one, other, code)) return true;
  // One that is not there yet. Texts that are no paths (cameras, addresses) come to nothing here.
  const fs::path a = fs::weakly_canonical(one, code), b = fs::weakly_canonical(other, code);
  return !code && a == b;
}

}  // namespace

Status check_places(const RunFiles& files) {
  const fs::path source = files.source.starts_with("file://") ? files.source.substr(7) : files.source;
  const fs::path images = files.video.empty() ? fs::path() : record::image_folder(files.video);
  for (const fs::path& sink :
       {images.empty() ? files.video : fs::path(), files.json, files.trace, files.compare_json}) {
    if (same_place(sink, source))
      return input_error("{}: is the source and would be written over; choose another place", sink.string());
  }
  std::error_code code;
  const bool is_folder = fs::is_directory(source, code);
  const bool many = is_folder || files.source.find_first_of("*?[%") != std::string::npos;
  const fs::path folder = is_folder ? source : source.parent_path();
  if (many && same_place(images, folder.empty() ? fs::path(".") : folder))
    return input_error("{}: the source's images are in that folder; choose another one",
                       files.video.string());
  if (same_place(files.video, files.json))
    return input_error("{}: video and results cannot be one file; give --json another name",
                       files.json.string());
  if (same_place(files.json, files.pipeline))
    return input_error("{}: is the pipeline file and would be written over; give --json another name",
                       files.json.string());
  for (const fs::path& other : {files.video, files.json, files.pipeline}) {
    if (same_place(files.trace, other))
      return input_error(
          "{}: the trace would be written over another file of the run; give --trace another name",
          files.trace.string());
  }
  for (const fs::path& other : {files.video, files.json, files.pipeline, files.trace}) {
    if (same_place(files.compare_json, other))
      return input_error("--compare-json {}: is the place of something else; give it another name",
                         files.compare_json.string());
  }
  return {};
}

Result<std::unique_ptr<Outputs>> Outputs::open(const std::filesystem::path& video, double fps,
                                               const std::filesystem::path& json,
                                               const std::string& comment) {
  auto outputs = std::make_unique<Outputs>();
  if (!video.empty()) {
    TARSIER_TRY(outputs->video_, record::VideoWriter::open(video, {.fps = fps, .comment = comment}));
    outputs->video_path_ = video;
  }
  if (!json.empty()) {
    TARSIER_TRY(outputs->json_, record::JsonLinesWriter::open(json));
    outputs->json_path_ = json;
  }
  return outputs;
}

Status Outputs::write(const pipeline::FrameResult& result) {
  return json_ ? json_->write(result) : Status();
}

Status Outputs::write(record::Picture picture) {
  return video_ ? video_->push(std::move(picture)) : Status();
}

Status Outputs::finish() {
  // Each whole whatever becomes of the other; the first error counts.
  const Status video = video_ ? video_->finish() : Status();
  const Status json = json_ ? json_->finish() : Status();
  return video.ok() ? json : video;
}

std::string Outputs::describe() const {
  const std::string json = takes_standard_output() ? "standard output" : json_path_.string();
  if (video_ && json_) return fmt::format("{} and {}", video_path_.string(), json);
  return video_ ? video_path_.string() : json;
}

}  // namespace tarsier::app
