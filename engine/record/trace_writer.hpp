// What each frame cost as a trace that ui.perfetto.dev and chrome://tracing show (Trace Event Format, JSON).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/profiler.hpp"
#include "core/result.hpp"

namespace tarsier::record {

/// Streams to `<path>.partial` and renames when finished. A trace is never worth a run: what goes wrong while
/// it is written is one warning, and what was written until then is kept whole.
class TraceWriter {
 public:
  /// A file larger than this opens in no viewer.
  static constexpr uint64_t kMostBytes = uint64_t(1) << 28;
  /// Errors (kInput): the folder cannot be made or written, the path is no regular file.
  static Result<std::unique_ptr<TraceWriter>> open(const std::filesystem::path& path,
                                                   uint64_t most_bytes = kMostBytes);
  /// Without finish() the half-written file is removed.
  ~TraceWriter();
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  /// What the run is made of, by name; before the first frame.
  void begin(const std::vector<std::pair<std::string, std::string>>& about);
  void write(const FrameProfile& frame);
  /// Puts the file in place; false where nothing could be kept.
  bool finish();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// That are in the file.
  [[nodiscard]] uint64_t frames() const { return kept_frames_; }

 private:
  TraceWriter() = default;
  void flush();
  void end(const std::string& reason);
  void discard();
  [[nodiscard]] double microseconds(FrameProfile::Clock::time_point time) const;

  std::filesystem::path path_, partial_;
  FrameProfile::Clock::time_point start_;  // time 0 of the trace
  uint64_t most_bytes_ = kMostBytes;
  std::string buffer_;
  int descriptor_ = -1;
  uint64_t bytes_ = 0;  // that reached the file, up to the end of a frame
  uint64_t frames_ = 0, kept_frames_ = 0;
  bool ended_ = false;  // it has its last bracket
};

}  // namespace tarsier::record
