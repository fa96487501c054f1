#include "app/outputs.hpp"

#include <fmt/format.h>

namespace tarsier::app {

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
  if (video_) TARSIER_CHECK(video_->finish());
  if (json_) TARSIER_CHECK(json_->finish());
  return {};
}

std::string Outputs::describe() const {
  if (video_ && json_) return fmt::format("{} and {}", video_path_.string(), json_path_.string());
  return video_ ? video_path_.string() : json_ ? json_path_.string() : "";
}

}  // namespace tarsier::app
