// Results as JSON Lines: one object a frame, written as the frames finish.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "pipeline/frame_result.hpp"

namespace tarsier::record {

/// Of the lines' schema, docs/RESULTS.md. New keys leave it as it is; a key that goes or changes its meaning
/// raises it.
inline constexpr int kResultVersion = 1;

/// One line a frame, as docs/RESULTS.md describes it:
///   {"version":1,"id":0,"time":0.000,"width":768,"height":576,
///    "detections":[{"class_id":0,"class":"person","score":0.9132,"box":[x0,y0,x1,y1]}],
///    "tracks":[{"id":3,"class_id":0,"class":"person","score":0.9132,"box":[x0,y0,x1,y1],
///               "state":"tracked","age":1.200,"velocity":[35.0,-2.1],
///               "distance":23.10,"distance_sigma":0.80,"relative_speed":-4.20,"relative_speed_sigma":0.50,
///               "ttc":5.50,"ttc_sigma":0.70,"lateral":-0.35}],
///    "events":[{"type":"forward_collision","track":3,"began":0,"began_time":0.000,"ended":false}],
///    "masks":{"drivable":0.3120},"latency_ms":93.1}
/// Keys without content stay, so that every line has the same ones.
[[nodiscard]] std::string to_json_line(const pipeline::FrameResult& result,
                                       const std::vector<std::string>& labels);

/// Streams to `<path>.partial` and renames when finished: the final name is either absent (or the old file)
/// or whole. A pipe or device (/dev/stdout, "-") is written directly. Every line reaches the file at once, so
/// `tail -f` follows it and a full disk is noticed on the frame that it concerns.
class JsonLinesWriter {
 public:
  /// Errors (kInput): the folder cannot be made or written, the path is a folder.
  static Result<std::unique_ptr<JsonLinesWriter>> open(const std::filesystem::path& path);
  /// Without finish() the half-written file is removed.
  ~JsonLinesWriter();
  JsonLinesWriter(const JsonLinesWriter&) = delete;
  JsonLinesWriter& operator=(const JsonLinesWriter&) = delete;

  /// `labels[class_id]` names a class from now on; ids beyond it are written as "class <id>".
  void use_labels(const std::vector<std::string>& labels);
  /// Errors (kRuntime): full disk, broken pipe. Every later call gives the same error.
  Status write(const pipeline::FrameResult& result);
  /// Flushes to disk and puts the file in place.
  Status finish();
  [[nodiscard]] uint64_t lines() const { return lines_; }

 private:
  JsonLinesWriter() = default;
  Status fail(std::string_view what, int reason);

  std::filesystem::path path_, partial_;  // partial_ is empty where written directly
  std::vector<std::string> labels_;       // already quoted and escaped
  std::string buffer_;
  int descriptor_ = -1;
  uint64_t lines_ = 0;
  bool failed_ = false;
  Error failure_;
};

}  // namespace tarsier::record
