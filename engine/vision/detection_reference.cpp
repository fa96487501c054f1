// The decoder once more in plain C++, in the order of the definition: collect, sort, keep the best, suppress.
#include <algorithm>
#include <cmath>

#include "vision/detection.hpp"
#include "vision/head_view.hpp"

namespace tarsier::vision {
namespace {

float sigmoid(float v) {
  return 1.0F / (1.0F + std::exp(-v));
}

struct Box {
  float x0, y0, x1, y1;
};

Box centred(float cx, float cy, float w, float h) {
  return {cx - 0.5F * w, cy - 0.5F * h, cx + 0.5F * w, cy + 0.5F * h};
}

class HeadReader {
 public:
  HeadReader(const HeadDesc& head, std::span<const HostTensor> tensors, std::span<const ChannelView> views)
      : head_(head), tensors_(tensors), views_(views) {}

  [[nodiscard]] int cells() const { return views_.front().pixels(); }

  // Score of a cell for a class; heads with objectness combine both.
  [[nodiscard]] float score(int cell, int c) const {
    switch (head_.kind) {
      case HeadKind::kYolox:
        return at(0, 4, cell) * at(0, 5 + c, cell);
      case HeadKind::kFastestDet:
        return std::pow(std::max(at(0, 0, cell), 0.0F), 0.6F) *
               std::pow(std::max(at(0, 5 + c, cell), 0.0F), 0.4F);
      case HeadKind::kCenterNet:
        return at(0, c, cell);
      default:
        return at(0, 4 + c, cell);
    }
  }

  [[nodiscard]] int best_class(int cell) const {
    const int first = head_.kind == HeadKind::kYolov8 ? 4 : 5;
    int best = 0;
    for (int c = 1; c < head_.classes; ++c) {
      if (at(0, first + c, cell) > at(0, first + best, cell)) best = c;
    }
    return best;
  }

  [[nodiscard]] bool is_peak(int cell, int c) const {
    const int width = views_.front().width;
    const int height = views_.front().height;
    const int x = cell % width;
    const int y = cell / width;
    for (int ny = std::max(y - 1, 0); ny <= std::min(y + 1, height - 1); ++ny) {
      for (int nx = std::max(x - 1, 0); nx <= std::min(x + 1, width - 1); ++nx) {
        if (at(0, c, ny * width + nx) > at(0, c, cell)) return false;
      }
    }
    return true;
  }

  // In pixels of the network's input.
  [[nodiscard]] Box box(int cell) const {
    const auto x = float(cell % views_.front().width);
    const auto y = float(cell / views_.front().width);
    const auto in_w = float(head_.input_width);
    const auto in_h = float(head_.input_height);
    const auto grid_w = float(views_.front().width);
    const auto grid_h = float(views_.front().height);
    switch (head_.kind) {
      case HeadKind::kYolox: {
        int index = cell;
        int stride = 8;
        for (; stride < 32; stride *= 2) {
          const int level = (head_.input_width / stride) * (head_.input_height / stride);
          if (index < level) break;
          index -= level;
        }
        const int columns = head_.input_width / stride;
        const auto s = float(stride);
        return centred((at(0, 0, cell) + float(index % columns)) * s,
                       (at(0, 1, cell) + float(index / columns)) * s, std::exp(at(0, 2, cell)) * s,
                       std::exp(at(0, 3, cell)) * s);
      }
      case HeadKind::kFastestDet:
        return centred((x + std::tanh(at(0, 1, cell))) / grid_w * in_w,
                       (y + std::tanh(at(0, 2, cell))) / grid_h * in_h, sigmoid(at(0, 3, cell)) * in_w,
                       sigmoid(at(0, 4, cell)) * in_h);
      case HeadKind::kCenterNet: {
        const float px = x * (in_w / grid_w);
        const float py = y * (in_h / grid_h);
        return {px - at(1, 0, cell), py - at(1, 1, cell), px + at(1, 2, cell), py + at(1, 3, cell)};
      }
      default:
        return centred(at(0, 0, cell), at(0, 1, cell), at(0, 2, cell), at(0, 3, cell));
    }
  }

 private:
  [[nodiscard]] float at(size_t tensor, int channel, int cell) const {
    return tensors_[tensor].data[views_[tensor].element(channel, cell)];
  }
  const HeadDesc& head_;
  std::span<const HostTensor> tensors_;
  std::span<const ChannelView> views_;
};

Detection clipped(Detection box, const FrameGeometry& frame) {
  const auto width = float(frame.width);
  const auto height = float(frame.height);
  box.x0 = std::clamp(box.x0, 0.0F, width);
  box.x1 = std::clamp(box.x1, 0.0F, width);
  box.y0 = std::clamp(box.y0, 0.0F, height);
  box.y1 = std::clamp(box.y1, 0.0F, height);
  return box;
}

bool overlap(const Detection& a, const Detection& b, float threshold) {
  const float w = std::max(std::min(a.x1, b.x1) - std::max(a.x0, b.x0), 0.0F);
  const float h = std::max(std::min(a.y1, b.y1) - std::max(a.y0, b.y0), 0.0F);
  const float shared_area = w * h;
  const float whole = (a.x1 - a.x0) * (a.y1 - a.y0) + (b.x1 - b.x0) * (b.y1 - b.y0) - shared_area;
  return shared_area > threshold * whole;
}

}  // namespace

std::vector<Detection> nms_reference(std::span<const Detection> candidates, const FrameGeometry& frame,
                                     const DetectionParams& params) {
  const size_t limit = std::min(params.max_detections, kMaxDetections);
  std::vector<Detection> kept;
  for (const Detection& candidate : candidates) {
    if (kept.size() == limit) break;
    const Detection visible = clipped(candidate, frame);
    if (!(visible.x1 > visible.x0 && visible.y1 > visible.y0)) continue;
    const bool suppressed = std::any_of(kept.begin(), kept.end(), [&](const Detection& better) {
      return (params.class_agnostic || better.class_id == candidate.class_id) &&
             overlap(better, candidate, params.iou_threshold);
    });
    if (!suppressed) kept.push_back(candidate);
  }
  for (Detection& detection : kept) detection = clipped(detection, frame);
  return kept;
}

Result<std::vector<Detection>> decode_reference(const HeadDesc& head, std::span<const HostTensor> tensors,
                                                const FrameGeometry& frame, const DetectionParams& params) {
  std::vector<TensorRef> refs;
  for (const HostTensor& tensor : tensors) refs.push_back(tensor.ref());
  TARSIER_TRY(const auto views, head_views(head, refs));
  for (size_t i = 0; i < views.size(); ++i) {
    if (tensors[i].data.size() != views[i].elements()) {
      return runtime_error("{}: {} values given", to_string(refs[i]), tensors[i].data.size());
    }
  }
  const HeadReader reader(head, tensors, views);
  const float threshold = std::max(params.score_threshold, 0.0F);
  std::vector<Detection> found;
  const auto add = [&](int cell, int c) {
    const float score = reader.score(cell, c);
    const bool wanted = ((params.class_mask[size_t(c) / 32] >> (c % 32)) & 1U) != 0;
    if (wanted && score > threshold) found.push_back({0, 0, 0, 0, score, c, cell, 0});
  };
  for (int cell = 0; cell < reader.cells(); ++cell) {
    if (head.kind != HeadKind::kCenterNet && !params.per_class) {
      add(cell, reader.best_class(cell));
      continue;
    }
    for (int c = 0; c < head.classes; ++c) {
      if (head.kind != HeadKind::kCenterNet ||
          (reader.score(cell, c) > threshold && reader.is_peak(cell, c))) {
        add(cell, c);
      }
    }
  }
  // Cells and classes were visited in ascending order, which a stable sort keeps among equal scores.
  std::stable_sort(found.begin(), found.end(),
                   [](const Detection& a, const Detection& b) { return a.score > b.score; });
  found.resize(std::min<size_t>(found.size(), std::clamp(params.max_candidates, 1U, kMaxCandidates)));
  for (Detection& detection : found) {
    const Box box = reader.box(detection.source_index);
    detection.x0 = (box.x0 - frame.fit.offset_x) / frame.fit.scale_x;
    detection.y0 = (box.y0 - frame.fit.offset_y) / frame.fit.scale_y;
    detection.x1 = (box.x1 - frame.fit.offset_x) / frame.fit.scale_x;
    detection.y1 = (box.y1 - frame.fit.offset_y) / frame.fit.scale_y;
  }
  return nms_reference(found, frame, params);
}

}  // namespace tarsier::vision
