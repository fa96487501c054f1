// "track": gives each object that a detector finds a number that stays with it, from frame to frame
// (ByteTrack).
//
// The boxes of a frame come to the host by a copy that nothing waits for, while later frames are already
// under way; there the tracker takes them in, in the order of the frames. What is drawn over a frame is
// therefore what the tracker knew when the frame was recorded, a frame or two old, moved on to the frame's
// own time. Results are exact: those of a frame hold the tracks after the update with that frame's boxes.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/text.hpp"
#include "pipeline/stage.hpp"
#include "vision/tracker.hpp"

namespace tarsier::pipeline {
namespace {

constexpr double kLostShown_s = 0.8;  // a lost track fades over this time
constexpr float kEdge = 3;            // pixels from it a box touches the picture's edge
constexpr double kNearby = 0.06;      // heights: a trail's points are at least so far apart

/// Where an object has stood: the middle of its box's lower edge.
class Trail {
 public:
  /// Keeps the latest kMaxTrailPoints - 1; a new point takes the last one's place while it is near or early.
  void add(double time_s, float x, float y, float apart, double trail_s) {
    const bool settled = count_ < 2 || (std::hypot(x - at(count_ - 2).x, y - at(count_ - 2).y) >= apart &&
                                        time_s - at(count_ - 2).time_s >= trail_s / kKept);
    if (count_ > 0 && !settled) {
      at(count_ - 1) = {time_s, x, y};
      return;
    }
    if (count_ == kKept) {
      first_ = (first_ + 1) % kKept;
      --count_;
    }
    at(count_++) = {time_s, x, y};
  }
  /// Points of the last `trail_s` seconds, smoothed, the end at (x, y); older ones fade. Fewer than two:
  /// none.
  void draw(double time_s, float x, float y, double trail_s, std::vector<present::TrailPoint>& out) const {
    const size_t begin = out.size();
    for (size_t i = 0; i < count_; ++i) {
      const Point& point = at(i);
      const double age = time_s - point.time_s;
      if (age >= trail_s) continue;
      const float opacity = float(std::clamp(1 - age / trail_s, 0.0, 1.0)) * 0.9F;
      if (i > 0 && i + 1 < count_) {
        const Point &before = at(i - 1), &after = at(i + 1);
        out.push_back(
            {(before.x + 2 * point.x + after.x) / 4, (before.y + 2 * point.y + after.y) / 4, opacity});
      } else {
        out.push_back({point.x, point.y, opacity});
      }
    }
    if (out.size() > begin) {
      // The latest point is a frame or two behind the box: the trail ends at the box.
      out.back() = {x, y, 0.9F};
    }
  }

 private:
  static constexpr size_t kKept = present::kMaxTrailPoints - 1;
  struct Point {
    double time_s = 0;
    float x = 0, y = 0;
  };
  [[nodiscard]] const Point& at(size_t i) const { return points_[(first_ + i) % kKept]; }
  Point& at(size_t i) { return points_[(first_ + i) % kKept]; }
  std::array<Point, kKept> points_;
  size_t first_ = 0, count_ = 0;
};

class TrackStage final : public Stage, public DetectionReader, public TrackSource {
 public:
  TrackStage(std::string name, DetectionSource& source) : name_(std::move(name)), source_(source) {
    source.attach(*this);
  }

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] float least_score(const Params& params) const override {
    return std::min(float(params.real(name_ + ".low_score")), float(params.real(name_ + ".high_score")));
  }
  [[nodiscard]] bool tracks() const override { return true; }
  [[nodiscard]] TrackSource* track_source() override { return this; }
  void attach(const TrackNotes& notes) override { notes_ = &notes; }
  [[nodiscard]] const DetectionSource& boxes() const override { return source_; }
  void whereabouts(double time_s, const DeviceFrame& picture,
                   std::vector<vision::Detection>& boxes) const override {
    const auto tracks = tracker_.tracks();
    for (size_t i = 0; i < tracks.size(); ++i) {
      const auto& track = tracks[i];
      if (track.state == vision::TrackState::kRemoved) continue;
      auto box = tracker_.expected(i, time_s);
      // Also where it was seen last: it may have stopped.
      if (!leaves(box, picture)) {
        box.x0 = std::min(box.x0, double(track.seen_x0));
        box.y0 = std::min(box.y0, double(track.seen_y0));
        box.x1 = std::max(box.x1, double(track.seen_x1));
        box.y1 = std::max(box.y1, double(track.seen_y1));
      }
      boxes.push_back(
          {float(box.x0), float(box.y0), float(box.x1), float(box.y1), track.score, track.class_id, 0, 0});
    }
  }
  [[nodiscard]] bool draws(const Params& params) const override { return params.boolean(name_ + ".show"); }

  Status record(gpu::FrameContext&, const DeviceFrame& picture, const Params& params) override {
    settings_.high_score = float(params.real(name_ + ".high_score"));
    settings_.low_score = float(params.real(name_ + ".low_score"));
    settings_.new_score = float(params.real(name_ + ".new_score"));
    settings_.match = float(params.real(name_ + ".match"));
    settings_.buffer_s = params.real(name_ + ".buffer");
    trail_s_ = params.real(name_ + ".trail");
    boxes_.clear();
    if (draws(params)) place_boxes(picture);
    return {};
  }

  void layers(const gpu::FrameContext&, const DeviceFrame&, const Params& params,
              Layers& layers) const override {
    if (draws(params)) layers.tracks.push_back({boxes_, &source_.class_names()});
  }

  void read_results(gpu::FrameContext& frame, const std::shared_ptr<FrameResult>& result,
                    bool /*wanted*/) override {
    frame.on_complete([this, slot = frame.slot(), ran = source_.ran(), settings = settings_, result] {
      if (ran) {
        tracker_.update(result->time_s, source_.boxes(slot), settings);
        keep_trails();
      }
      const auto tracks = tracker_.tracks();
      for (size_t i = 0; i < tracks.size(); ++i) {
        const bool told = tracks[i].state == vision::TrackState::kTracked ||
                          tracks[i].state == vision::TrackState::kLost ||
                          (ran && tracks[i].state == vision::TrackState::kRemoved);
        if (tracks[i].id == 0 || !told) continue;
        result->tracks.push_back(tracks[i]);
        result->tracks.back().label_set = source_.label_set();
        if (!ran) carry_forward(i, result->time_s, result->tracks.back());
      }
    });
  }

 private:
  /// Whether a box touches the picture's edge.
  static bool leaves(const vision::BoxFilter::Box& box, const DeviceFrame& picture) {
    return box.x0 < kEdge || box.y0 < kEdge || box.x1 > picture.width - kEdge ||
           box.y1 > picture.height - kEdge;
  }

  /// A frame that the detector did not look at: the object is where it is expected.
  void carry_forward(size_t index, double time_s, vision::Track& track) const {
    const auto box = tracker_.expected(index, time_s);
    track.x0 = float(box.x0);
    track.y0 = float(box.y0);
    track.x1 = float(box.x1);
    track.y1 = float(box.y1);
    track.age_s = time_s - track.born_s;
  }

  void keep_trails() {
    for (const auto& track : tracker_.tracks()) {
      if (track.state == vision::TrackState::kRemoved) {
        trails_.erase(track.id);
      } else if (track.state == vision::TrackState::kTracked) {
        const float apart = std::max(float(kNearby) * (track.y1 - track.y0), 2.0F);
        trails_[track.id].add(tracker_.time_s(), (track.x0 + track.x1) / 2, track.y1, apart, trail_s_);
      }
    }
  }

  /// What the tracker knows, at the time of the frame that is drawn.
  void place_boxes(const DeviceFrame& picture) {
    points_.clear();
    const auto tracks = tracker_.tracks();
    const float width = float(picture.width), height = float(picture.height);
    spans_.clear();
    for (size_t i = 0; i < tracks.size(); ++i) {
      const auto& track = tracks[i];
      const bool lost = track.state == vision::TrackState::kLost;
      if (track.id == 0 || (!lost && track.state != vision::TrackState::kTracked)) continue;
      // Time since it was seen counts up to the latest update: the frames under way are no fault of its own.
      const double unseen = lost ? tracker_.time_s() - track.seen_s : 0;
      if (unseen >= kLostShown_s) continue;
      const auto box = tracker_.expected(i, picture.time_s);
      if (box.x1 <= 0 || box.y1 <= 0 || box.x0 >= width || box.y0 >= height) continue;
      // Lost at the picture's edge: it has left, and the rest of its box would hang there.
      if (lost && leaves(box, picture)) continue;
      present::TrackBox out;
      out.x0 = std::max(float(box.x0), 0.0F);
      out.y0 = std::max(float(box.y0), 0.0F);
      out.x1 = std::min(float(box.x1), width);
      out.y1 = std::min(float(box.y1), height);
      out.id = track.id;
      out.class_id = track.class_id;
      out.score = track.score;
      out.lost = lost;
      out.opacity = float(1 - unseen / kLostShown_s);
      if (notes_ != nullptr) notes_->note(track.id, picture.time_s, out);
      const size_t begin = points_.size();
      const auto trail = trails_.find(track.id);
      if (trail_s_ > 0 && trail != trails_.end()) {
        trail->second.draw(picture.time_s, float(box.x0 + box.x1) / 2, float(box.y1), trail_s_, points_);
      }
      spans_.emplace_back(begin, points_.size() - begin);
      boxes_.push_back(out);
    }
    for (size_t i = 0; i < boxes_.size(); ++i) {  // points_ does not move any more
      boxes_[i].trail = std::span(points_).subspan(spans_[i].first, spans_[i].second);
    }
    // Who stands lower in the picture is nearer, and drawn over the others.
    std::ranges::stable_sort(boxes_, {}, &present::TrackBox::y1);
  }

  std::string name_;
  DetectionSource& source_;
  const TrackNotes* notes_ = nullptr;
  vision::Tracker tracker_;
  std::unordered_map<int64_t, Trail> trails_;
  vision::TrackerParams settings_;  // of the latest frame
  double trail_s_ = 0;
  std::vector<present::TrackBox> boxes_;
  std::vector<present::TrailPoint> points_;
  std::vector<std::pair<size_t, size_t>> spans_;  // of points_, for each box
};

Status declare(const StageSpec& spec, std::span<const StageSpec> before, const models::Catalogue&,
               Params& params) {
  TARSIER_CHECK(declare_input(spec, "detect", "the stage whose boxes are tracked", params));
  StageParams declare(spec.name, params);
  declare.number("high_score", 0.5, {.min = 0.01}, "boxes from this score on are matched to tracks first");
  declare.number("low_score", 0.1, {.min = 0.01},
                 "boxes from this score on keep tracks alive that are still without a match");
  declare.number("new_score", 0.6, {.min = 0.01},
                 "a box that matches no track starts one from this score on");
  declare.number("match", 0.8, {.min = 0.05}, "no match where 1 - IoU of box and track is this or more");
  declare.number("buffer", 1, {.max = 30, .step = 0.1, .unit = "s"},
                 "how long a lost track can be regained under its number");
  declare.number("trail", 2, {.max = 30, .step = 0.1, .unit = "s"}, "length of the trails (0: none)");
  declare.toggle("show", true, "draw the tracks in place of the detector's boxes");
  TARSIER_CHECK(declare.status());
  TARSIER_CHECK(check_only_one(spec, before));
  return check_input(spec, before, "detect", params);
}

Result<std::unique_ptr<Stage>> make(const StageSpec& spec, StageContext& context) {
  TARSIER_TRY(Stage * input, input_of(spec, context));
  return std::unique_ptr<Stage>(new TrackStage(spec.name, *input->detection_source()));
}

}  // namespace

const StageType kTrackStage{"track", declare, make};

}  // namespace tarsier::pipeline
