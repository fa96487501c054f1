// Records a run as a session, and remembers the last seconds so that one key keeps what just happened.
#pragma once

#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <string>

#include "app/frame_observer.hpp"
#include "record/session_writer.hpp"

namespace tarsier::app {

struct Application;

/// What a session says of a run's source: where it is if it can be sought in, else its pictures are kept.
record::SessionSource session_source(const Application& app, const capture::SourceInfo& info, bool can_seek);
/// And of the run as it is now: device, pipeline, networks with their hashes.
Result<record::SessionHead> session_head(const Application& app, record::SessionSource source);
/// Keys and values of the parameters that name the run's networks.
using NetworkNames = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] NetworkNames network_names(const Application& app);
/// Their files, with the hashes that they were checked against; a user's own are hashed now. Networks that
/// are not there belong to stages that are left out or switched off, and are left out. Errors (kInput): a
/// file of the user's cannot be read any more.
Result<std::vector<record::SessionNetwork>> session_networks(const Application& app,
                                                             const NetworkNames& names);

/// Single thread, that of the loop; writing a moment has a thread of its own.
class SessionRecorder final : public FrameObserver {
 public:
  /// Of what just happened `seconds` are kept, as far as their pictures take `bytes` at most; pictures of
  /// what can be sought in take none. 0: nothing is kept.
  struct Memory {
    double seconds = 0;
    uint64_t bytes = uint64_t{256} << 20;
  };
  SessionRecorder(const Application& app, record::SessionSource source, const Memory& memory);

  /// From the next frame on. Errors: of SessionWriter::create().
  Status begin(const std::filesystem::path& folder);
  /// Ends it; `why` is what cut it short.
  Status end(const std::string& why = "whole");
  [[nodiscard]] bool recording() const { return writer_ != nullptr; }
  /// Writes the last seconds to a new session. Errors: nothing is kept yet, one is being written.
  Status save_moment(const std::filesystem::path& folder);
  /// After the pipeline was read again: the text of its file, and maybe other networks.
  void note_pipeline();
  /// The text as an editor has it.
  void use_pipeline(const std::string& text);

  /// What became of the latest recording or moment since the last call: one line; empty: nothing.
  std::string take_message();
  /// The first error of a recording; the run goes on after it.
  [[nodiscard]] const Status& failure() const { return failure_; }
  /// "out/session, 341 frames"; empty where nothing was recorded.
  [[nodiscard]] const std::string& described() const { return described_; }

  [[nodiscard]] bool wants_results() const override { return recording(); }
  [[nodiscard]] bool wants_layers() const override { return recording() && records_layers(); }
  void frame(const capture::Frame& frame, const Params& params) override;
  void redrawn(const Params& params) override;
  void result(const pipeline::FrameResult& result, const pipeline::LabelSets& labels) override;

 private:
  struct Kept {
    capture::Frame frame;  // without pixels where they can be read again
    uint64_t picture = 0;
    std::shared_ptr<const record::ParamValues> params;
    std::shared_ptr<const std::string> pipeline;
  };
  [[nodiscard]] bool records_layers() const;
  void note_params(const Params& params);
  void remember(const capture::Frame& frame, uint64_t picture);
  void stop_on(const Status& status);
  static Status write_moment(const std::filesystem::path& folder, record::SessionHead head,
                             const std::deque<Kept>& kept);

  const Application& app_;
  const record::SessionSource source_;
  const Memory memory_;
  std::unique_ptr<record::SessionWriter> writer_;
  std::shared_ptr<const record::ParamValues> params_;
  uint64_t params_version_ = 0;
  std::shared_ptr<const std::string> pipeline_;  // text of its file
  NetworkNames networks_;                        // whose hashes the session has
  uint64_t frames_ = 0;                          // since the program began
  std::deque<Kept> kept_;
  uint64_t kept_bytes_ = 0;
  std::filesystem::path moment_;
  std::future<Status> writes_moment_;
  Status failure_;
  std::string message_, described_;
};

/// "out/session-20261122-182000": a folder that is not there yet.
[[nodiscard]] std::filesystem::path new_session_folder(std::string_view prefix);

}  // namespace tarsier::app
