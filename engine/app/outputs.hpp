// Where a run's pictures and results go: an annotated video, JSON Lines, both or none.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "record/result_writer.hpp"
#include "record/video_writer.hpp"

namespace tarsier::app {

/// What a run reads and writes; empty: nothing.
struct RunFiles {
  std::string source;  // as the user gave it: often no file
  std::filesystem::path pipeline, video, json, trace, compare_json;
};
/// Errors (kInput): the run would write over what it reads, or write two things into one file.
Status check_places(const RunFiles& files);

class Outputs {
 public:
  /// Opens what is asked for (empty paths: not). Errors (kInput): an unwritable place, an unknown extension.
  /// `comment` goes into the video's metadata.
  static Result<std::unique_ptr<Outputs>> open(const std::filesystem::path& video, double fps,
                                               const std::filesystem::path& json,
                                               const std::string& comment = "");
  /// The names of classes that results are written with from now on.
  void use_labels(const pipeline::LabelSets& labels) {
    if (json_) json_->use_labels(labels);
  }
  [[nodiscard]] bool wants_pictures() const { return video_ != nullptr; }
  [[nodiscard]] bool wants_results() const { return json_ != nullptr; }
  /// Results go to standard output: nothing else may.
  [[nodiscard]] bool takes_standard_output() const { return record::is_standard_output(json_path_); }
  Status write(const pipeline::FrameResult& result);
  Status write(record::Picture picture);
  /// Puts the files in place. Without it nothing is left behind.
  Status finish();
  /// "out/street.mp4 and out/street.jsonl", or "" where nothing is written.
  [[nodiscard]] std::string describe() const;

 private:
  std::filesystem::path video_path_, json_path_;
  std::unique_ptr<record::VideoWriter> video_;
  std::unique_ptr<record::JsonLinesWriter> json_;
};

}  // namespace tarsier::app
