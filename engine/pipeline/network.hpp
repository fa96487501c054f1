// A network of the catalogue, compiled, with the pre-processing that its input wants.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gpu/device.hpp"
#include "gpu/frame_context.hpp"
#include "infer/plan.hpp"
#include "models/catalogue.hpp"
#include "models/store.hpp"
#include "vision/preprocess.hpp"
#include "vision/tensor_ref.hpp"

namespace tarsier::pipeline {

/// A captured frame on the device.
struct DeviceFrame {
  const gpu::Buffer* buffer = nullptr;
  uint64_t offset = 0;  // of the first pixel, bytes
  int width = 0, height = 0;
  double time_s = 0;  // presentation time in the source
  [[nodiscard]] uint64_t address() const { return buffer->address() + offset; }
};

/// Reports what is being loaded: a line of text and a fraction 0..1.
using LoadProgress = std::function<void(const std::string& what, double fraction)>;

struct NetworkOptions {
  infer::Precision precision = infer::Precision::kFp32;
  infer::Tune tune = infer::Tune::kOff;
  /// Size of the frames: a network that may (models::InputSpec::any_aspect) runs at their aspect. 0: at its
  /// own size.
  int frame_width = 0, frame_height = 0;
  /// Long side of the input, pixels; 0: the network's own. Rounded to steps of 32.
  int input_side = 0;
  LoadProgress progress;
};

/// The catalogue's input preparation as the pre-processing pass takes it.
[[nodiscard]] vision::PreprocessDesc preprocess_desc(const models::InputSpec& input);

/// Smallest and largest number that a pixel becomes.
[[nodiscard]] std::pair<float, float> input_range(const models::InputSpec& input);

class Network;

/// A stage's network, as it is called in the pipeline: "detect", "face detector".
struct NamedNetwork {
  std::string name;
  Network* network = nullptr;
};

class Network {
 public:
  /// Finds (or fetches) the files, imports and compiles.
  static Result<std::unique_ptr<Network>> load(gpu::Device& device, const models::Entry& entry,
                                               const models::StoreOptions& store,
                                               const NetworkOptions& options);
  /// Pre-processing, then the network. Spans are named "<stage> input" and "<stage> network".
  void record(gpu::FrameContext& frame, const DeviceFrame& picture, std::string_view stage) const;
  /// The network alone, behind passes that prepare its input in another way.
  void run(gpu::CommandList& commands) const {
    plan_->record(commands, taps_->empty() ? nullptr : taps_.get());
  }
  /// Who sees its layers, from the next call of run() on.
  [[nodiscard]] infer::LayerTaps& taps() { return *taps_; }

  [[nodiscard]] const models::Entry& entry() const { return entry_; }
  [[nodiscard]] const infer::Plan& plan() const { return *plan_; }
  [[nodiscard]] vision::Fit fit(int width, int height) const { return preprocess_->fit(width, height); }
  /// Where the frame lies in an output of this size: heads may be smaller than the input by a whole factor.
  [[nodiscard]] vision::Fit output_fit(const DeviceFrame& frame, int output_width, int output_height) const;
  [[nodiscard]] int input_width() const { return preprocess_->input_width(); }
  [[nodiscard]] int input_height() const { return preprocess_->input_height(); }
  /// Where the picture goes, for passes that prepare it in another way than record() does.
  [[nodiscard]] const vision::TensorRef& input() const { return input_; }
  /// Errors (kInput): no output of that name (lists the ones that there are).
  Result<vision::TensorRef> output(std::string_view name) const;
  /// The outputs that the catalogue names for its head, in that order; all of the network's where it names
  /// none.
  Result<std::vector<vision::TensorRef>> head_outputs() const;

 private:
  Network() = default;
  models::Entry entry_;
  std::vector<std::string> channels_last_;  // outputs that are NHWC
  std::unique_ptr<infer::Plan> plan_;
  std::unique_ptr<infer::LayerTaps> taps_ = std::make_unique<infer::LayerTaps>();
  vision::TensorRef input_;
  std::unique_ptr<vision::Preprocess> preprocess_;
};

}  // namespace tarsier::pipeline
