// The passes of face.hpp on the CPU, in double precision where sums are long.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "vision/face.hpp"
#include "vision/face_model.hpp"

namespace tarsier::vision {
namespace {

constexpr double kSame = 0.3;    // as in face_decode.comp
constexpr double kMargin = 1.5;  // as in face_landmarks.comp
constexpr double kLeastSize = 8;
constexpr size_t kRightEye = 33, kLeftEye = 263;

struct Box {
  double x, y, width, height;  // centre and size
};

double overlap(const Box& a, const Box& b) {
  const auto side = [](double x, double w, double other_x, double other_w) {
    return std::max(std::min(x + w / 2, other_x + other_w / 2) - std::max(x - w / 2, other_x - other_w / 2),
                    0.0);
  };
  const double both = side(a.x, a.width, b.x, b.width) * side(a.y, a.height, b.y, b.height);
  return both / std::max(a.width * a.height + b.width * b.height - both, 1e-6);
}

double sigmoid(double logit) {
  return 1 / (1 + std::exp(-std::clamp(logit, -80.0, 80.0)));
}

using Matrix = std::array<std::array<double, 3>, 3>;

double determinant(const Matrix& m) {
  return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
         m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
         m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

/// Transposed inverse: cofactors over the determinant.
Matrix inverse_transposed(const Matrix& m) {
  Matrix out;
  const double scale = 1 / determinant(m);
  for (size_t r = 0; r < 3; ++r) {
    for (size_t c = 0; c < 3; ++c) {
      const size_t r1 = (r + 1) % 3, r2 = (r + 2) % 3, c1 = (c + 1) % 3, c2 = (c + 2) % 3;
      out[r][c] = (m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]) * scale;
    }
  }
  return out;
}

}  // namespace

Result<FaceState> face_decode_reference(const HostTensor& boxes, const HostTensor& scores, int input_size,
                                        const FaceDetectParams& params, const Fit& fit,
                                        const FaceState& before) {
  TARSIER_TRY(const auto box_view, list_view(boxes.ref(), true));
  TARSIER_TRY(const auto score_view, list_view(scores.ref(), true));
  TARSIER_TRY(const auto anchors, face_anchors(box_view.width, input_size));
  const auto raw = [&](int anchor, int channel) {
    return double(boxes.data[box_view.element(channel, anchor)]);
  };
  const auto score_of = [&](int anchor) {
    return sigmoid(double(scores.data[score_view.element(0, anchor)]));
  };
  const auto centre = [&](int anchor, size_t axis) {
    return double(anchors.centre(anchor)[axis]) * input_size;
  };
  const auto box_of = [&](int anchor) {
    return Box{centre(anchor, 0) + raw(anchor, 0), centre(anchor, 1) + raw(anchor, 1), raw(anchor, 2),
               raw(anchor, 3)};
  };
  int best = 0;
  for (int i = 1; i < anchors.count(); ++i) best = score_of(i) > score_of(best) ? i : best;

  FaceState state = before;
  const bool tracked = before.tracked != 0 && !params.reset;
  const bool found = score_of(best) >= double(params.score);
  state.score = found ? float(score_of(best)) : 0;
  const Box known{double((before.x0 + before.x1) / 2 * fit.scale_x + fit.offset_x),
                  double((before.y0 + before.y1) / 2 * fit.scale_y + fit.offset_y),
                  double((before.x1 - before.x0) * fit.scale_x),
                  double((before.y1 - before.y0) * fit.scale_y)};
  std::array<double, 8> mean{};
  double weight = 0;
  bool same = false;
  for (int i = 0; i < anchors.count(); ++i) {
    const double score = score_of(i);
    if (score < double(params.score)) continue;
    same = same || overlap(box_of(i), known) > kSame;
    if (overlap(box_of(i), box_of(best)) <= kSame) continue;
    for (size_t k = 0; k < 8; ++k) {
      const bool from_anchor = k < 2 || k > 3;
      mean[k] += score * (raw(i, int(k)) + (from_anchor ? centre(i, k % 2) : 0));
    }
    weight += score;
  }
  if (tracked && (same || !found)) return state;
  state.tracked = 0;
  state.region.valid = found ? 1 : 0;
  if (!found) return state;
  for (double& value : mean) value /= weight;
  const double eyes_x = (mean[6] - mean[4]) / double(fit.scale_x),
               eyes_y = (mean[7] - mean[5]) / double(fit.scale_y);
  const double apart = std::hypot(eyes_x, eyes_y);
  state.region.centre_x = float((mean[0] - double(fit.offset_x)) / double(fit.scale_x));
  state.region.centre_y = float((mean[1] - double(fit.offset_y)) / double(fit.scale_y));
  state.region.size = float(1.5 * std::max(mean[2] / double(fit.scale_x), mean[3] / double(fit.scale_y)));
  state.region.axis_x = apart > 1e-3 ? float(eyes_x / apart) : 1;
  state.region.axis_y = apart > 1e-3 ? float(eyes_y / apart) : 0;
  return state;
}

HeadPose head_pose(const std::array<float, 12>& axes) {
  constexpr float kDegrees = float(180 / std::numbers::pi);
  // axes[4 * column + row]; the rotation is yaw about the picture's vertical * pitch * roll.
  return {-std::atan2(axes[8], axes[10]) * kDegrees, std::asin(std::clamp(axes[9], -1.0F, 1.0F)) * kDegrees,
          std::atan2(axes[1], axes[5]) * kDegrees};
}

FaceReference face_landmarks_reference(std::span<const float> points, float presence_logit, int crop_size,
                                       const FaceLandmarkParams& params, const FaceReference& before) {
  FaceReference after = before;
  FaceState& state = after.state;
  after.points.resize(kFacePoints);
  after.speeds.resize(kFacePoints);
  const Region region = before.state.region;
  state.presence = region.valid != 0 ? float(sigmoid(double(presence_logit))) : 0;
  std::vector<std::array<double, 3>> raw;
  for (size_t i = 0; i < kFacePoints; ++i) {
    const auto [x, y] =
        frame_of(region, double(points[3 * i]) / crop_size, double(points[3 * i + 1]) / crop_size);
    raw.push_back({x, y, double(points[3 * i + 2]) / crop_size * double(region.size)});
  }
  const double eyes_x = raw[kLeftEye][0] - raw[kRightEye][0], eyes_y = raw[kLeftEye][1] - raw[kRightEye][1];
  const double apart = std::hypot(eyes_x, eyes_y);
  const double ax = apart > 1e-3 ? eyes_x / apart : double(region.axis_x);
  const double ay = apart > 1e-3 ? eyes_y / apart : double(region.axis_y);
  std::array<double, 4> low{1e30, 1e30, 1e30, 1e30}, high{-1e30, -1e30, -1e30, -1e30};
  for (const auto& p : raw) {
    const std::array<double, 4> at{p[0] * ax + p[1] * ay, -p[0] * ay + p[1] * ax, p[0], p[1]};
    for (size_t k = 0; k < 4; ++k) {
      low[k] = std::min(low[k], at[k]);
      high[k] = std::max(high[k], at[k]);
    }
  }
  const double size = std::max(high[0] - low[0], high[1] - low[1]);
  const bool there = state.presence >= params.presence && size >= kLeastSize;
  const double seconds = double(params.seconds);
  const bool known = before.state.tracked >= kFaceSettledFrames;
  const bool hold = known && seconds <= 0;
  state.region.valid = there ? 1 : 0;
  state.tracked = there ? std::min(before.state.tracked + 1, kFaceSettledFrames) : 0;
  if (!there) return after;

  const double u = (low[0] + high[0]) / 2, v = (low[1] + high[1]) / 2;
  state.region = {
      float(u * ax - v * ay), float(u * ay + v * ax), float(kMargin * size), 1, float(ax), float(ay), {}};
  state.x0 = float(low[2]);
  state.y0 = float(low[3]);
  state.x1 = float(high[2]);
  state.y1 = float(high[3]);
  state.size = float(size);

  Matrix covariance{};
  double spread = 0;
  for (size_t i = 0; i < kFacePoints; ++i) {
    std::array<double, 3> point = raw[i], speed{};
    const LandmarkPoint& p = after.points[i];
    const LandmarkPoint& s = after.speeds[i];
    const std::array<double, 3> last{double(p.x), double(p.y), double(p.z)};
    const std::array<double, 3> last_speed{double(s.x), double(s.y), double(s.z)};
    for (size_t k = 0; k < 3 && known; ++k) {
      if (hold) {
        point[k] = last[k];
        speed[k] = last_speed[k];
        continue;
      }
      const auto now =
          one_euro(params.filter, seconds, size, point[k], {.place = last[k], .speed = last_speed[k]});
      point[k] = now.place;
      speed[k] = now.speed;
    }
    after.points[i] = {float(point[0]), float(point[1]), float(point[2]), 0};
    after.speeds[i] = {float(speed[0]), float(speed[1]), float(speed[2]), 0};
    const HeadPoint& head = canonical_head()[i];
    const std::array<double, 3> q{double(head.x), double(head.y), double(head.z)};
    for (size_t r = 0; r < 3; ++r) {
      for (size_t c = 0; c < 3; ++c) covariance[r][c] += double(head.weight) * point[r] * q[c];
      spread += double(head.weight) * q[r] * q[r];
    }
  }
  const double volume = determinant(covariance);
  if (!(volume > 0)) return after;
  Matrix rotation = covariance;
  for (auto& row : rotation) {
    for (double& value : row) value /= std::cbrt(volume);
  }
  for (int i = 0; i < 30; ++i) {
    const Matrix other = inverse_transposed(rotation);
    for (size_t r = 0; r < 3; ++r) {
      for (size_t c = 0; c < 3; ++c) rotation[r][c] = (rotation[r][c] + other[r][c]) / 2;
    }
  }
  double along = 0;
  for (size_t r = 0; r < 3; ++r) {
    for (size_t c = 0; c < 3; ++c) {
      state.axes[4 * c + r] = float(rotation[r][c]);
      along += rotation[r][c] * covariance[r][c];
    }
  }
  state.scale = float(along / std::max(spread, 1e-6));
  state.pose = head_pose(state.axes);
  return after;
}

}  // namespace tarsier::vision
