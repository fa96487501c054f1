// "detect": boxes with classes and scores from one network, decoded and suppressed on the device.
#include <algorithm>
#include <cstring>

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
  DetectStage(std::string name, std::unique_ptr<Network> network, vision::DetectionDecoder decoder,
              std::vector<gpu::Buffer> readback)
      : name_(std::move(name)),
        network_(std::move(network)),
        decoder_(std::move(decoder)),
        readback_(std::move(readback)) {}

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::vector<std::string> labels() const override { return network_->entry().labels; }

  Status record(gpu::FrameContext& frame, const DeviceFrame& picture, const Params& params) override {
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

  void layers(const gpu::FrameContext& frame, const DeviceFrame&, const Params& params,
              Layers& layers) const override {
    if (!params.boolean(name_ + ".show")) return;
    for (const auto* reader : readers_) {
      if (reader->draws(params)) return;
    }
    layers.detections.push_back(
        {&decoder_.detections(frame.slot()), &network_->entry().labels, shown_score_});
  }

  void read_results(gpu::FrameContext& frame, const std::shared_ptr<FrameResult>& result,
                    bool wanted) override {
    if (!wanted && readers_.empty()) return;
    const gpu::Buffer& copy = readback_[frame.slot()];
    const uint64_t bytes =
        sizeof(vision::DetectionHeader) + decoded_.max_detections * sizeof(vision::Detection);
    frame.commands().read_back(decoder_.detections(frame.slot()), 0, copy, 0, std::min(bytes, copy.size()));
    if (!wanted) return;
    frame.on_complete([this, slot = frame.slot(), least = shown_score_, result] {
      for (const auto& box : boxes(slot)) {
        if (box.score > least) result->detections.push_back(box);
      }
    });
  }

  [[nodiscard]] DetectionSource* detection_source() override { return this; }
  void attach(const DetectionReader& reader) override { readers_.push_back(&reader); }
  [[nodiscard]] std::span<const vision::Detection> boxes(uint32_t slot) const override {
    const auto* bytes = static_cast<const std::byte*>(readback_[slot].mapped());
    vision::DetectionHeader header;
    std::memcpy(&header, bytes, sizeof header);
    return {reinterpret_cast<const vision::Detection*>(bytes + sizeof header),
            std::min<size_t>(header.count, vision::kMaxDetections)};
  }
  [[nodiscard]] const gpu::Buffer& device_boxes(uint32_t slot) const override {
    return decoder_.detections(slot);
  }
  [[nodiscard]] const std::vector<std::string>& class_names() const override {
    return network_->entry().labels;
  }

 private:
  [[nodiscard]] vision::DetectionParams detection_params(const Params& params) const {
    vision::DetectionParams out;
    out.score_threshold = static_cast<float>(params.real(name_ + ".score"));
    out.iou_threshold = static_cast<float>(params.real(name_ + ".iou"));
    out.max_detections = static_cast<uint32_t>(params.integer(name_ + ".max"));
    const auto& wanted = params.set_of(name_ + ".classes");
    if (!wanted.empty()) {
      out.class_mask = {0, 0, 0, 0};
      const auto& labels = network_->entry().labels;
      for (size_t id = 0; id < labels.size() && id < 128; ++id) {
        if (std::find(wanted.begin(), wanted.end(), labels[id]) != wanted.end()) {
          out.class_mask[id / 32] |= 1U << (id % 32);
        }
      }
    }
    return out;
  }

  std::string name_;
  std::unique_ptr<Network> network_;
  vision::DetectionDecoder decoder_;
  std::vector<gpu::Buffer> readback_;  // one a slot
  std::vector<const DetectionReader*> readers_;
  vision::DetectionParams decoded_;  // of the latest frame
  float shown_score_ = 0;            // the stage's own threshold in it; readers may want lower boxes
};

Status declare_params(const StageSpec& spec, const models::Entry& entry, Params& params) {
  TARSIER_CHECK(params.declare({.key = spec.name + ".score",
                                .type = ParamType::kFloat,
                                .initial = 0.35,
                                .min = 0.01,
                                .max = 1,
                                .help = "boxes with a lower score are left out"}));
  TARSIER_CHECK(params.declare({.key = spec.name + ".iou",
                                .type = ParamType::kFloat,
                                .initial = 0.45,
                                .help = "of two boxes of a class that overlap more, the better one stays"}));
  TARSIER_CHECK(params.declare({.key = spec.name + ".max",
                                .type = ParamType::kInt,
                                .initial = int64_t{100},
                                .min = 1,
                                .max = vision::kMaxDetections,
                                .step = 1,
                                .help = "most boxes in a frame"}));
  TARSIER_CHECK(params.declare({.key = spec.name + ".classes",
                                .type = ParamType::kSet,
                                .initial = std::vector<std::string>{},
                                .help = "classes to keep; none chosen means all",
                                .choices = entry.labels}));
  TARSIER_CHECK(params.declare(
      {.key = spec.name + ".show", .type = ParamType::kBool, .initial = true, .help = "draw the boxes"}));
  TARSIER_CHECK(params.declare({.key = spec.name + ".frame_aspect",
                                .type = ParamType::kBool,
                                .initial = true,
                                .help = "a network that can runs at the frame's aspect: faster, and nothing "
                                        "is squeezed",
                                .restarts = true}));
  return params.declare({.key = spec.name + ".input_size",
                         .type = ParamType::kInt,
                         .initial = int64_t{0},
                         .min = 0,
                         .max = 4096,
                         .step = 32,
                         .help = "long side of the network's input in pixels, in steps of 32 "
                                 "(0: its own): smaller is faster, larger finds smaller things",
                         .restarts = true});
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
  options.precision = context.precision;
  options.tune = context.tune;
  // A pipeline file means its own network's size: with another one in its place, that one's own size holds.
  const std::string size_key = spec.name + ".input_size";
  if (entry.input.any_aspect || context.params.origin(size_key) > ParamOrigin::kPipeline) {
    options.input_side = static_cast<int>(context.params.integer(size_key));
  }
  if (context.params.boolean(spec.name + ".frame_aspect")) {
    options.frame_width = context.frame_width;
    options.frame_height = context.frame_height;
  }
  options.progress = context.progress;
  TARSIER_TRY(auto network, Network::load(context.device, entry, context.store, options));

  std::vector<vision::TensorRef> tensors;
  if (entry.outputs.empty()) {
    for (const auto& binding : network->plan().outputs()) {
      TARSIER_TRY(const auto tensor, network->output(binding.name));
      tensors.push_back(tensor);
    }
  }
  for (const auto& output : entry.outputs) {
    TARSIER_TRY(const auto tensor, network->output(output));
    tensors.push_back(tensor);
  }

  vision::HeadDesc head;
  head.kind = kind;
  head.classes = entry.labels.empty() ? head.classes : static_cast<int>(entry.labels.size());
  head.input_width = network->input_width();
  head.input_height = network->input_height();
  TARSIER_TRY(auto decoder, vision::DetectionDecoder::create(context.device, head, tensors, context.slots));

  std::vector<gpu::Buffer> readback;
  for (uint32_t slot = 0; slot < context.slots; ++slot) {
    TARSIER_TRY(auto buffer, context.device.create_buffer({.size = vision::kDetectionBufferBytes,
                                                           .memory = gpu::Memory::kReadback,
                                                           .name = spec.name + " results"}));
    readback.push_back(std::move(buffer));
  }
  return std::unique_ptr<Stage>(
      new DetectStage(spec.name, std::move(network), std::move(decoder), std::move(readback)));
}

}  // namespace

const StageType kDetectStage{"detect", declare, make};

}  // namespace tarsier::pipeline
