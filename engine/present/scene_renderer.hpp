// Draws what was seen over the frame it was seen in, off screen and at the frame's own resolution. The same
// picture goes to a window, a video or a test. The host never learns how many boxes there are.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gpu/frame_context.hpp"
#include "gpu/image.hpp"
#include "present/face_layer.hpp"
#include "present/mask_layer.hpp"
#include "present/object_layer.hpp"
#include "present/panel_layer.hpp"
#include "present/skeleton_layer.hpp"
#include "present/track_layer.hpp"
#include "present/zone_layer.hpp"
#include "vision/types.hpp"

namespace tarsier::present {

/// Glyphs of a label: of the name and of the score's four. A longer name ends in an ellipsis.
inline constexpr uint32_t kLabelGlyphs = 24;

struct DetectionInput {
  const gpu::Buffer* buffer = nullptr;  // vision::DetectionHeader and what follows
  uint64_t offset = 0;                  // multiple of 16
  uint32_t label_set = 0;
  float least_score = 0;  // boxes are drawn whose score is above it
};

struct SceneInputs {
  const gpu::Buffer* frame = nullptr;  // B, G, R, A bytes, rows packed
  uint64_t frame_offset = 0;           // multiple of 4
  uint32_t width = 0, height = 0;      // may change from frame to frame
  std::span<const MaskInput> masks;    // drawn in this order, below the boxes
  std::span<const ZoneInput> zones;    // above the masks, their labels below those of tracks
  std::span<const DetectionInput> detections;
  std::span<const TrackInput> tracks;        // drawn above the detections, their trails below
  std::span<const LineInput> lines;          // above the masks, below the trails
  std::span<const FaceInput> faces;          // above the masks, below the boxes
  std::span<const SkeletonInput> skeletons;  // above the faces, below the boxes
  const gpu::Buffer* marks = nullptr;        // of BoxMarks, above the boxes; null: none
  const PanelInput* panel = nullptr;         // above the tracks; null: none
  std::string_view status;  // one line in the lower left corner, e.g. for a recorded video; empty: none
  std::span<const std::string>
      banners;  // warnings in the middle of the upper edge, on red, one below the other
};

/// The part of a picture that SceneInputs::status may take: its lower edge, as a line of any length needs it.
[[nodiscard]] Rect status_strip(uint32_t width, uint32_t height);

struct SceneOptions {
  /// Class names by class id, one list for each detector that names its own classes.
  std::vector<std::vector<std::string>> label_sets;
  float text_scale = 1;
};

class SceneRenderer {
 public:
  /// Errors: no font (kInput), no memory.
  static Result<std::unique_ptr<SceneRenderer>> create(gpu::Device& device, const SceneOptions& options);
  ~SceneRenderer();
  SceneRenderer(const SceneRenderer&) = delete;
  SceneRenderer& operator=(const SceneRenderer&) = delete;

  /// Records the scene. Needs no barrier from the caller: it waits for earlier compute and copies, and later
  /// compute and copies may overwrite the inputs. Spends one FrameContext span, "scene". Steady state
  /// allocates nothing; a new frame or mask size does.
  Status draw(gpu::FrameContext& frame, const SceneInputs& inputs);

  /// The result, Format::kBgra8, in ImageUse::kSampled after draw(). Valid until the frame's size changes.
  [[nodiscard]] const gpu::Image& image() const;
  /// Changes whenever image() is another image: sets of textures that hold it must be made anew.
  [[nodiscard]] uint64_t generation() const;

 private:
  SceneRenderer();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarsier::present
