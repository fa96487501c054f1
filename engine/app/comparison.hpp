// A second side that sees the same frames as the first: its own stages, parameters and tracks, what differs,
// and one picture of both.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/agreement.hpp"
#include "app/setup.hpp"
#include "app/side.hpp"
#include "present/box_marks.hpp"
#include "present/compare_view.hpp"

namespace tarsier::app {

/// "wipe", "side" or "difference"; errors (kInput) name what there is.
Result<present::CompareLook> parse_look(std::string_view text);

/// What `--compare` asks for, on top of the first side's options. Each setting is the name or the file of a
/// preset, precision=..., preset=..., or key=value of a parameter. Errors (kInput): what is none of these.
Result<RunOptions> compared_options(const RunOptions& options, const std::vector<std::string>& settings);

class Comparison {
 public:
  /// `name`: what is different, for people.
  Comparison(gpu::Device& device, Setup setup, std::unique_ptr<Side> side, std::string name);

  // For the frame loop, in this order: the first side's stages, record(), its scene with marks_in_first(),
  // draw(), read_results().
  /// Whose boxes are compared from now on; it outlives that.
  Status use_first(const Side& first);
  /// Between frames that are all done: other parameters for the second side, which begins anew where `side`
  /// is given. Errors: as of use_first().
  Status use_second(Setup setup, std::unique_ptr<Side> side);
  Status record(gpu::FrameContext& context, const pipeline::DeviceFrame& frame);
  [[nodiscard]] const gpu::Buffer* marks_in_first() const;
  Status draw(gpu::FrameContext& context, const present::SceneRenderer& first);
  /// Asks for the boxes of both sides, by copies that nothing waits for. `counted`: a new frame, which counts
  /// for the summary. `position`: its place in the recording.
  void read_results(gpu::FrameContext& context, uint64_t position, bool counted);
  /// Gives the second side's passes names of their own, and notes the times of both.
  void name_passes(std::vector<gpu::PassTime>& passes);

  /// What people see, as of SceneRenderer.
  [[nodiscard]] const gpu::Image& image() const { return view_.image(); }
  [[nodiscard]] uint64_t generation() const { return view_.generation(); }
  present::CompareLook look = present::CompareLook::kWipe;
  double edge = 0.5;  // of the wipe, 0 (left) to 1

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const Setup& setup() const { return setup_; }
  /// Whether both sides find boxes.
  [[nodiscard]] bool has_boxes() const { return first_ != nullptr && detector() && side_->detector(); }
  [[nodiscard]] const Agreement& agreement() const { return agreement_; }

 private:
  [[nodiscard]] pipeline::DetectionSource* detector() const { return first_->detector(); }

  gpu::Device& device_;
  Setup setup_;
  std::unique_ptr<Side> side_;
  std::string name_;
  const Side* first_ = nullptr;
  std::vector<int32_t> common_;  // Agreement::common_classes() of both detectors
  present::BoxMarks marks_;
  present::CompareView view_;
  std::vector<gpu::Buffer> first_boxes_, second_boxes_;  // on the host, one a slot
  Agreement agreement_;
};

}  // namespace tarsier::app
