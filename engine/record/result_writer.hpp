// Results as JSON Lines (docs/RESULTS.md): one object a frame, written as the frames finish.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "pipeline/frame_result.hpp"

namespace tarsier::record {

/// Whether a path means this process's standard output: "-", /dev/stdout, /dev/fd/1.
[[nodiscard]] bool is_standard_output(const std::filesystem::path& path);

/// Streams to `<path>.partial` and renames when finished: the final name is either absent (or the old file)
/// or whole. A pipe or device is written directly, and so is what is open already ("-" is standard output;
/// /dev/stdout, /dev/fd/N), wherever it leads. Every line reaches the file at once, so `tail -f` follows it
/// and a full disk is noticed on the frame that it concerns.
class JsonLinesWriter {
 public:
  /// Errors (kInput): the folder cannot be made or written, the path is a folder.
  static Result<std::unique_ptr<JsonLinesWriter>> open(const std::filesystem::path& path);
  /// Without finish() the half-written file is removed.
  ~JsonLinesWriter();
  JsonLinesWriter(const JsonLinesWriter&) = delete;
  JsonLinesWriter& operator=(const JsonLinesWriter&) = delete;

  /// The names of classes from now on; ids beyond them are written as "class <id>".
  void use_labels(pipeline::LabelSets labels) { labels_ = std::move(labels); }
  /// Errors (kRuntime): full disk, broken pipe. Every later call gives the same error.
  Status write(const pipeline::FrameResult& result);
  /// Flushes to disk and puts the file in place.
  Status finish();
  [[nodiscard]] uint64_t lines() const { return lines_; }

 private:
  JsonLinesWriter() = default;
  Status fail(std::string_view what, int reason);

  std::filesystem::path path_, partial_;  // partial_ is empty where written directly
  pipeline::LabelSets labels_;
  std::shared_ptr<const pipeline::Settings> told_;  // of the latest line
  std::string buffer_;
  int descriptor_ = -1;
  uint64_t lines_ = 0;
  bool failed_ = false;
  Error failure_;
};

}  // namespace tarsier::record
