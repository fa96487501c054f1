// Writes a session while it happens: every line reaches the disk's cache at once, so that what was written
// stays readable whatever ends the program.
#pragma once

#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <string>

#include "capture/frame_source.hpp"
#include "core/appended_file.hpp"
#include "pipeline/frame_result.hpp"
#include "record/session.hpp"
#include "record/session_layers.hpp"
#include "record/video_writer.hpp"

namespace tarsier::record {

/// One thread. After an error (kRuntime: a full disk) nothing more is written; what was stays.
class SessionWriter {
 public:
  /// `head.source.kept` decides whether pictures are stored, as FFV1 (RFC 9043) in Matroska. Errors (kInput):
  /// the folder is there already and not empty, or cannot be made.
  static Result<std::unique_ptr<SessionWriter>> create(const std::filesystem::path& folder, SessionHead head);
  /// Without finish(): the session stays as that of a killed program.
  ~SessionWriter();
  SessionWriter(const SessionWriter&) = delete;
  SessionWriter& operator=(const SessionWriter&) = delete;

  /// Text of the pipeline file from the next frame on.
  Status use_pipeline(const std::string& text);
  /// Those of the head that are not there yet.
  void add_networks(const std::vector<SessionNetwork>& networks);
  /// A frame that the stages take now, with the hash of its picture (SessionStep::picture) and all parameters
  /// of now. Without pixels where pictures are not stored. Waits while the encoder is busy.
  Status frame(const capture::Frame& frame, uint64_t picture,
               const std::shared_ptr<const ParamValues>& params);
  /// The same picture once more, while paused.
  Status redrawn(const std::shared_ptr<const ParamValues>& params);
  /// Whether the result of this frame is the next one to come.
  [[nodiscard]] bool awaits(uint64_t id) const { return !awaited_.empty() && awaited_.front() == id; }
  /// Of the frames in their order.
  Status result(const pipeline::FrameResult& result, const pipeline::LabelSets& labels);
  /// The same as a line with its break; `runs` as of FrameResult.
  Status result(std::string_view line, std::span<const pipeline::NetworkRun> runs);
  /// Ends the session; `why` is "whole", or what cut it short.
  Status finish(const std::string& why = "whole");

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] uint64_t frames() const { return head_.frames; }

 private:
  SessionWriter() = default;
  Status note_params(SessionStep& step, const std::shared_ptr<const ParamValues>& params);
  Status put_redraws();
  Status put(const SessionStep& step);
  Status keep_picture(const capture::Frame& frame, SessionStep& step);

  std::filesystem::path folder_;
  SessionHead head_;
  AppendedFile steps_, results_, layers_;
  LayerLines layer_lines_;
  std::unique_ptr<VideoWriter> pictures_;
  int width_ = 0, height_ = 0;  // of the pictures in it
  uint32_t files_ = 0;          // of pictures
  uint64_t in_file_ = 0;
  std::shared_ptr<const ParamValues> params_;  // as of the latest step
  std::string pipeline_, pipeline_file_;       // its text; the file's name while no step has told it
  size_t pipelines_ = 0;
  SessionStep redraws_;           // that are not written yet
  std::deque<uint64_t> awaited_;  // ids of frames whose results are to come
  capture::Clock::time_point began_;
  std::future<Result<std::string>> hash_;  // of the source: a long clip takes a while
  std::string line_, layers_line_;
};

/// UTC now, "2026-11-22T18:20:00Z".
[[nodiscard]] std::string utc_now();

}  // namespace tarsier::record
