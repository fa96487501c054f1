// "detect": boxes with classes and scores from one network, decoded and suppressed on the device.
#include <algorithm>
#include <cstring>
#include <functional>

#include "pipeline/cadence.hpp"
#include "pipeline/stage.hpp"
#include "vision/detection.hpp"

namespace tarsier::pipeline {
namespace {

Result<vision::HeadKind> head_kind(const models::Entry& entry) {
  switch (entry.head) {
    case models::Head::kCenterNet:
      return vision::HeadKind::kCenterNet;
    case models::Head::kYolox:
      return vision::HeadKind::kYolox;
    case models::Head::kFastestDet:
      return vision::HeadKind::kFastestDet;
    case models::Head::kYolov8:
      return vision::HeadKind::kYolov8;
    default:
      return unsuitable(entry, "is no detector", "detect");
  }
}

class DetectStage final : public Stage, public DetectionSource {
 public:
  DetectStage(std::string name, int32_t label_set, std::unique_ptr<Network> network,
              vision::DetectionDecoder decoder, std::vector<gpu::Buffer> readback)
      : name_(std::move(name)),
        label_set_(label_set),
        network_(std::move(network)),
        decoder_(std::move(decoder)),
        readback_(std::move(readback)) {}

  [[nodiscard]] const std::string& name() const override { return name_; }

  Status record(gpu::FrameContext& frame, const DeviceFrame& picture, const Params& params) override {
    ran_ = cadence_.due(name_, params, picture);
    if (!ran_) return {};
    ran_slot_ = frame.slot();
    network_->record(frame, picture, name_);
    decoded_ = detection_params(params);
    shown_score_ = decoded_.score_threshold;
    // Lower boxes do not change which of the higher ones stay: suppression goes by falling score.
    for (const auto* reader : readers_) {
      decoded_.score_threshold = std::min(decoded_.score_threshold, reader->least_score(params));
    }
    frame.begin_span(name_ + " decode");
    decoder_.record(frame.commands(), frame.slot(), decoded_,
                    {network_->fit(picture.width, picture.height), picture.width, picture.height});
    frame.end_span();
    return {};
  }

  void layers(const gpu::FrameContext&, const DeviceFrame&, const Params& params,
              Layers& layers) const override {
    if (!params.boolean(name_ + ".show")) return;
    for (const auto* reader : readers_) {
      if (reader->draws(params)) return;
    }
    layers.detections.push_back({&decoder_.detections(ran_slot_), &network_->entry().labels, shown_score_});
  }

  void read_results(gpu::FrameContext& frame, const std::shared_ptr<FrameResult>& result,
                    bool wanted) override {
    if (!ran_ || (!wanted && readers_.empty())) return;
    const gpu::Buffer& copy = readback_[frame.slot()];
    const uint64_t bytes =
        sizeof(vision::DetectionHeader) + decoded_.max_detections * sizeof(vision::Detection);
    frame.commands().read_back(decoder_.detections(frame.slot()), 0, copy, 0, std::min(bytes, copy.size()));
    if (!wanted) return;
    frame.on_complete([this, slot = frame.slot(), least = shown_score_, result] {
      auto& found = result->detections;
      const bool first = found.empty();
      for (const auto& box : boxes(slot)) {
        if (box.score <= least) continue;
        found.push_back(box);
        found.back().label_set = label_set_;
      }
      if (!first) std::ranges::stable_sort(found, std::ranges::greater(), &vision::Detection::score);
    });
  }

  [[nodiscard]] std::vector<NamedNetwork> networks() override { return {{name_, network_.get()}}; }
  [[nodiscard]] DetectionSource* detection_source() override { return this; }
  void attach(const DetectionReader& reader) override { readers_.push_back(&reader); }
  [[nodiscard]] std::span<const vision::Detection> boxes(uint32_t slot) const override {
    const auto* bytes = static_cast<const std::byte*>(readback_[slot].mapped());
    vision::DetectionHeader header;
    std::memcpy(&header, bytes, sizeof header);
    return {reinterpret_cast<const vision::Detection*>(bytes + sizeof header),
            std::min<size_t>(header.count, vision::kMaxDetections)};
  }
  [[nodiscard]] bool ran() const override { return ran_; }
  [[nodiscard]] const gpu::Buffer& device_boxes() const override { return decoder_.detections(ran_slot_); }
  [[nodiscard]] float shown_score() const override { return shown_score_; }
  [[nodiscard]] const std::vector<std::string>& class_names() const override {
    return network_->entry().labels;
  }
  [[nodiscard]] int32_t label_set() const override { return label_set_; }

 private:
  [[nodiscard]] vision::DetectionParams detection_params(const Params& params) const {
    vision::DetectionParams out;
    out.score_threshold = static_cast<float>(params.real(name_ + ".score"));
    out.iou_threshold = static_cast<float>(params.real(name_ + ".iou"));
    out.max_detections = static_cast<uint32_t>(params.integer(name_ + ".max"));
    const auto& wanted = params.set_of(name_ + ".classes");
    if (!wanted.empty()) out.class_mask = vision::class_mask(wanted, network_->entry().labels);
    return out;
  }

  std::string name_;
  int32_t label_set_;
  std::unique_ptr<Network> network_;
  vision::DetectionDecoder decoder_;
  std::vector<gpu::Buffer> readback_;  // one a slot
  std::vector<const DetectionReader*> readers_;
  vision::DetectionParams decoded_;  // of the latest frame
  Cadence cadence_;
  bool ran_ = false;       // on the latest frame
  uint32_t ran_slot_ = 0;  // of the latest frame on which it did
  float shown_score_ = 0;  // the stage's own threshold in it; readers may want lower boxes
};

Status declare_params(const StageSpec& spec, const models::Entry& entry, Params& params) {
  StageParams declare(spec.name, params);
  declare.number("score", 0.35, {.min = 0.01}, "boxes with a lower score are left out");
  declare.number("iou", 0.45, {}, "of two boxes of a class that overlap more, the better one stays");
  declare.whole("max", 100, {.min = 1, .max = vision::kMaxDetections}, "most boxes in a frame");
  declare.set("classes", entry.labels, "classes to keep; none chosen means all");
  declare.toggle("show", true, "draw the boxes");
  declare.toggle("frame_aspect", true,
                 "a network that can runs at the frame's aspect: faster, and nothing is squeezed",
                 StageParams::kOnStart);
  Cadence::declare(declare);
  declare.whole("input_size", 0, {.min = 0, .max = 4096, .step = 32},
                "long side of the network's input in pixels, in steps of 32 (0: its own): smaller is faster, "
                "larger finds smaller things",
                StageParams::kOnStart);
  return declare.status();
}

Status declare(const StageSpec& spec, std::span<const StageSpec>, const models::Catalogue& catalogue,
               Params& params) {
  TARSIER_TRY(const auto entry, declare_model(spec, "centernet", catalogue, params));
  if (const auto kind = head_kind(entry); !kind.ok()) return at(spec, "model", params, kind.error());
  return declare_params(spec, entry, params);
}

Result<std::unique_ptr<Stage>> make(const StageSpec& spec, StageContext& context) {
  TARSIER_TRY(const auto entry, context.catalogue.resolve(context.params.text(spec.name + ".model")));
  TARSIER_TRY(const auto kind, head_kind(entry));

  NetworkOptions options;
  // A pipeline file and its presets mean its own network's size: with another one in its place, that one's
  // own size holds.
  const std::string size_key = spec.name + ".input_size";
  if (entry.input.any_aspect || context.params.origin(size_key) > ParamOrigin::kPreset) {
    options.input_side = static_cast<int>(context.params.integer(size_key));
  }
  if (context.params.boolean(spec.name + ".frame_aspect")) {
    options.frame_width = context.frame_width;
    options.frame_height = context.frame_height;
  }
  TARSIER_TRY(auto network, load_network(spec, context, options));
  const auto tensors = network->head_outputs();
  if (!tensors.ok()) return misfit(spec, "model", context.params, tensors.error());

  vision::HeadDesc head;
  head.kind = kind;
  head.classes = entry.labels.empty() ? head.classes : static_cast<int>(entry.labels.size());
  head.input_width = network->input_width();
  head.input_height = network->input_height();
  auto decoder = vision::DetectionDecoder::create(context.device, head, *tensors, context.slots);
  if (!decoder.ok()) return misfit(spec, "model", context.params, decoder.error());

  TARSIER_TRY(auto readback, readback_buffers(context, vision::kDetectionBufferBytes, spec.name));
  const auto label_set = std::ranges::count_if(
      context.before, [](const auto& stage) { return stage->detection_source() != nullptr; });
  return std::unique_ptr<Stage>(new DetectStage(spec.name, int32_t(label_set), std::move(network),
                                                *std::move(decoder), std::move(readback)));
}

}  // namespace

const StageType kDetectStage{"detect", declare, make};

}  // namespace tarsier::pipeline
