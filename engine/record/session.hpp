// A session: what a run was made of, frame by frame, so that it can be shown again and proved. The folder's
// format is docs/SESSIONS.md; the writer and the source that plays one are beside this file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/param.hpp"
#include "core/result.hpp"

namespace tarsier::record {

/// Of the folder's format. New keys leave it as it is.
inline constexpr int kSessionVersion = 1;

/// Parameters and their values, whatever they come from.
using ParamValues = std::vector<std::pair<std::string, ParamValue>>;

/// A network file that the run loaded.
struct SessionNetwork {
  std::string key;     // of the parameter that names it: "detect.model"
  std::string name;    // "yolox_nano"
  std::string file;    // without folders
  std::string sha256;  // lower-case hexadecimal
  bool operator==(const SessionNetwork&) const = default;
};

/// Where the frames came from.
struct SessionSource {
  std::string name, kind;  // as capture::SourceInfo has them
  int width = 0, height = 0;
  double fps = 0;
  /// Whether the pictures lie in the session, lossless; else they are read from where they were.
  bool kept = false;
  std::string reference;    // what capture::open_source() takes, absolute
  std::string sha256;       // of a file, once it is known
  uint64_t bytes = 0;       // of a file
  int64_t modified_ns = 0;  // of a file, since 1970
};

struct SessionHead {
  std::string tarsier;  // its version
  std::string began;    // UTC, ISO 8601
  SessionSource source;
  std::string device, uuid, driver;
  std::string pipeline, preset;  // their names
  std::string precision, tune;   // as --precision and --tune
  std::vector<SessionNetwork> networks;
  bool continues = false;  // it begins in mid-run: what trackers and smoothing knew by then is not in it
  bool results = true;     // whether results were read back
  bool layers = false;     // whether what the networks' layers made was digested
  uint64_t frames = 0;     // written; 0 while it is being recorded
  std::string ended;       // "whole", or why it was cut short; empty while it is being recorded
};

/// What the loop did: a frame, or some rounds in which a paused one was inferred again.
struct SessionStep {
  ParamValues params;    // those that changed before it; of the first one, all
  std::string pipeline;  // file in the session, from here on; empty: as before
  uint32_t redraws = 0;  // more than 0: no frame
  uint64_t id = 0, position = 0;
  uint32_t file = 0;   // of kept pictures: frames-<file>.mkv
  double time_s = 0;   // in its source
  double taken_s = 0;  // when it came out of its source, since the first one did
  int width = 0, height = 0;
  uint64_t picture = 0;  // XXH3 of its B, G, R, A bytes
};

/// Lines of results.jsonl, read one by one: of an hour there are gigabytes.
class SessionResults {
 public:
  explicit SessionResults(const std::filesystem::path& file) : in_(file) {}
  /// The next whole line; nullopt at the end, which comes early where the run was cut short.
  std::optional<std::string> next();

 private:
  std::ifstream in_;
};

/// A session's folder, read and checked.
class Session {
 public:
  /// Errors (kInput): no session, a newer format, a line that is none (with file and line). A last line that
  /// was not written to its end is left out with a warning.
  static Result<Session> open(const std::filesystem::path& folder);

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] const SessionHead& head() const { return head_; }
  [[nodiscard]] const std::vector<SessionStep>& steps() const { return steps_; }
  /// Of the frames, in order: their places in steps().
  [[nodiscard]] const std::vector<size_t>& frames() const { return frames_; }
  [[nodiscard]] const SessionStep& frame(size_t n) const { return steps_[frames_[n]]; }
  /// What a frame was made with, all parameters, and the pipeline's file (a whole path).
  [[nodiscard]] std::map<std::string, ParamValue> params_at(size_t frame) const;
  [[nodiscard]] std::filesystem::path pipeline_at(size_t frame) const;
  /// As --precision takes it.
  [[nodiscard]] std::string precision_at(size_t frame) const;
  /// Frames before which something was changed, the first among them.
  [[nodiscard]] const std::vector<size_t>& changes() const { return changes_; }
  /// The latest of them for a frame.
  [[nodiscard]] size_t change_for(size_t frame) const;
  /// Results of the frames, in order.
  [[nodiscard]] SessionResults results() const;
  [[nodiscard]] uint64_t bytes_on_disk() const;

  /// What capture::open_source() takes for the pictures, file by file; one for what is not kept. `moved`:
  /// where the source is now, empty: where it was, or beside the session. Errors (kInput): it is not there,
  /// or is another file (size or SHA-256 differ).
  Result<std::vector<std::string>> pictures(const std::string& moved = "") const;

  /// Stands among the parameters, and changes as they do.
  static constexpr const char* kPrecision = "precision";

  static constexpr const char* kHead = "session.json";
  static constexpr const char* kSteps = "frames.jsonl";
  static constexpr const char* kResults = "results.jsonl";
  static constexpr const char* kLayers = "layers.jsonl";

 private:
  std::filesystem::path folder_;
  SessionHead head_;
  std::vector<SessionStep> steps_;
  std::vector<size_t> frames_, changes_;
  std::vector<size_t> changing_;  // places of the steps that change something
};

/// As the files have it; exposed for the writer.
[[nodiscard]] std::string head_text(const SessionHead& head);
[[nodiscard]] std::string step_line(const SessionStep& step);
/// "pipeline-2.toml", "frames-0.mkv".
[[nodiscard]] std::string pipeline_name(size_t index);
[[nodiscard]] std::string pictures_name(size_t index);
/// Fills bytes, time of change and, with `hash`, the SHA-256 of what a source refers to, where it is a file.
Status describe_file(SessionSource& source, bool hash);

}  // namespace tarsier::record
