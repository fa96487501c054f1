// "face": 468 landmarks of one face, smoothed, with the head's pose.
//
// How it flows, all on the device: the detector, in the frames in which it runs, finds a face and with it a
// turned square (`FaceDecoder`). That square of the frame is cropped into the landmark network's input
// (`RegionCrop`). The network's points go back to the frame's pixels, through the One Euro filter, and give
// the head's pose and the square that the next frame is looked at in (`FaceLandmarks`), as long as the
// network says that there is a face. So a face is followed from frame to frame without the detector and
// without the host. The detector runs every `detect_every` frames, so that a square that has slid off a face
// is put back; and in every frame while there is no face. Whether there is one the host learns by a copy of a
// few bytes that it does not wait for: of the frame that had this frame's slot before, so that the same clip
// gives the same results.
//
// While nothing of it is drawn and nobody wants results (as of the frame before), nothing runs.
//
// One state of the face lives on the device and goes from frame to frame; results and picture are of their
// own frame.
#include <algorithm>
#include <cstring>

#include "core/text.hpp"
#include "pipeline/landmark_stage.hpp"
#include "vision/face.hpp"

namespace tarsier::pipeline {
namespace {

present::FaceShow show_of(const std::string& choice) {
  if (choice == "mesh") return present::FaceShow::kMesh;
  if (choice == "contours") return present::FaceShow::kContours;
  return choice == "points" ? present::FaceShow::kPoints : present::FaceShow::kOff;
}

present::FaceObject object_of(const std::string& choice) {
  if (choice == "glasses") return present::FaceObject::kGlasses;
  if (choice == "hat") return present::FaceObject::kHat;
  return choice == "party" ? present::FaceObject::kPartyHat : present::FaceObject::kNone;
}

struct Parts {
  std::unique_ptr<Network> detector, mesh;
  vision::FaceDecoder decoder;
  vision::RegionCrop crop;
  vision::FaceLandmarks landmarks;
  std::vector<gpu::Buffer> readback;  // one a slot
};

class FaceStage final : public Stage {
 public:
  FaceStage(const std::string& name, Parts parts, bool results)
      : name_(name), passes_(name), runs_(results), parts_(std::move(parts)) {
    seen_.resize(parts_.readback.size());
  }

  [[nodiscard]] const std::string& name() const override { return name_; }

  Status record(gpu::FrameContext& frame, const DeviceFrame& picture, const Params& params) override {
    if (!runs_.begin(picture, is_drawn(input_of(params)))) return {};
    if (runs_.restarts()) seen_.assign(seen_.size(), false);
    auto& commands = frame.commands();
    const uint64_t state = parts_.landmarks.state().address();
    if (!seen_[frame.slot()] || ++since_detection_ >= params.integer(keys_.detect_every)) {
      since_detection_ = 0;
      parts_.detector->record(frame, picture, detector_name_);
      frame.begin_span(decode_name_);
      parts_.decoder.record(commands, {.score = float(params.real(keys_.score)), .reset = runs_.restarts()},
                            parts_.detector->fit(picture.width, picture.height), state);
      frame.end_span();
    }
    passes_.record(frame, picture, parts_.crop, *parts_.mesh, state, runs_.looks(vision::kFaceSettledFrames),
                   [&] {
                     parts_.landmarks.record(commands, {.presence = float(params.real(keys_.presence)),
                                                        .filter = filter_params(params, name_),
                                                        .seconds = runs_.seconds()});
                   });
    return {};
  }

  void layers(const gpu::FrameContext&, const DeviceFrame&, const Params& params,
              Layers& layers) const override {
    if (const auto input = input_of(params); runs_.ran() && is_drawn(input)) layers.faces.push_back(input);
  }

  void read_results(gpu::FrameContext& frame, const std::shared_ptr<FrameResult>& result,
                    bool wanted) override {
    runs_.want(wanted);
    if (!runs_.ran()) return;
    const gpu::Buffer& copy = parts_.readback[frame.slot()];
    const uint64_t bytes = wanted ? vision::kFaceResultBytes : sizeof(vision::FaceState);
    frame.commands().read_back(parts_.landmarks.state(), 0, copy, 0, bytes);
    frame.on_complete([this, &copy, slot = frame.slot(), epoch = runs_.epoch(), wanted, result] {
      const auto* from = static_cast<const std::byte*>(copy.mapped());
      vision::FaceState state;
      std::memcpy(&state, from, sizeof state);
      if (epoch == runs_.epoch()) seen_[slot] = state.tracked != 0;
      if (!wanted || state.tracked < vision::kFaceSettledFrames) return;
      Landmarks face{.kind = "face", .score = state.presence, .points = {}, .head = state.pose};
      face.points.resize(vision::kFacePoints);
      std::memcpy(face.points.data(), from + sizeof state,
                  face.points.size() * sizeof(vision::LandmarkPoint));
      result->landmarks.push_back(std::move(face));
    });
  }

  [[nodiscard]] std::vector<NamedNetwork> networks() override {
    return {{detector_name_, parts_.detector.get()}, {name_ + " landmarks", parts_.mesh.get()}};
  }

 private:
  [[nodiscard]] present::FaceInput input_of(const Params& params) const {
    return {&parts_.landmarks.state(), show_of(params.text(name_ + ".show")), params.boolean(name_ + ".axes"),
            object_of(params.text(name_ + ".object"))};
  }
  static bool is_drawn(const present::FaceInput& input) {
    return input.show != present::FaceShow::kOff || input.axes || input.object != present::FaceObject::kNone;
  }

  std::string name_;
  std::string detector_name_ = name_ + " detector", decode_name_ = name_ + " decode";
  struct {
    std::string score, presence, detect_every;
  } keys_{name_ + ".score", name_ + ".presence", name_ + ".detect_every"};
  LandmarkPasses passes_;
  LandmarkRuns runs_;
  Parts parts_;
  std::vector<bool> seen_;  // whether the latest completed frame of each slot had a face
  int64_t since_detection_ = 0;
};

Status declare(const StageSpec& spec, std::span<const StageSpec> before, const models::Catalogue& catalogue,
               Params& params) {
  TARSIER_CHECK(declare_network(spec, "model", "face_landmark", models::Head::kFaceMesh,
                                "finds no face landmarks", catalogue, params));
  TARSIER_CHECK(declare_network(spec, "detector", "face_detection_short", models::Head::kFaceAnchors,
                                "is no face detector", catalogue, params));
  StageParams declare(spec.name, params);
  declare.number("score", 0.5, {.min = 0.05, .max = 0.99}, "least score of a face that the detector finds");
  declare.number("presence", 0.5, {.min = 0.05, .max = 0.99},
                 "a face is followed while the landmark network is so sure that it is there");
  declare.whole("detect_every", 30, {.min = 1, .max = 1000, .unit = "frames"},
                "the detector looks for the face anew, while one is followed");
  declare_filter(declare, {}, "the face");
  declare.choice("show", "mesh", {"mesh", "contours", "points", "off"}, "what is drawn of the face");
  declare.toggle("axes", false, "draw the head's axes at the nose: right red, down green, ahead blue");
  declare.choice("object", "none", {"none", "glasses", "hat", "party"}, "what the face wears");
  TARSIER_CHECK(declare.status());
  return check_only_one(spec, before);
}

Status read_mesh(gpu::Device& device, Parts& parts) {
  const Network& network = *parts.mesh;
  TARSIER_TRY(const auto outputs, head_outputs(network, 2));
  auto landmarks = vision::FaceLandmarks::create(device, outputs[0], outputs[1], network.input_width());
  if (!landmarks.ok()) return landmarks.error().in(network.entry().name);
  parts.landmarks = *std::move(landmarks);
  TARSIER_TRY(parts.crop,
              vision::RegionCrop::create(device, preprocess_desc(network.entry().input), network.input()));
  return {};
}

Status read_detector(gpu::Device& device, Parts& parts) {
  const Network& network = *parts.detector;
  TARSIER_TRY(const auto outputs, head_outputs(network, 2));
  auto decoder = vision::FaceDecoder::create(device, outputs[0], outputs[1], network.input_width(),
                                             network.input_height());
  if (!decoder.ok()) return decoder.error().in(network.entry().name);
  parts.decoder = *decoder;
  return {};
}

Result<std::unique_ptr<Stage>> make(const StageSpec& spec, StageContext& context) {
  Parts parts;
  TARSIER_TRY(parts.mesh, load_network(spec, context));
  TARSIER_TRY(parts.detector, load_network(spec, context, {}, "detector"));
  if (const Status mesh = read_mesh(context.device, parts); !mesh.ok())
    return misfit(spec, "model", context.params, mesh.error());
  if (const Status detector = read_detector(context.device, parts); !detector.ok())
    return misfit(spec, "detector", context.params, detector.error());
  TARSIER_TRY(parts.readback, readback_buffers(context, vision::kFaceResultBytes, spec.name));
  return std::unique_ptr<Stage>(new FaceStage(spec.name, std::move(parts), context.results));
}

}  // namespace

const StageType kFaceStage{"face", declare, make};

}  // namespace tarsier::pipeline
