// Landmarks of a crop to pixels of the frame, with the One Euro filter; the head's pose; the region of the next frame.
// One workgroup, because all of it is sums over the same 468 points.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"
#include "face.glsl"
#include "one_euro.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool kFp16Points = false;
layout(constant_id = 1) const bool kFp16Presence = false;
const uint kLanes = 64;
const uint kRightEye = 33u, kLeftEye = 263u;  // outer corners
const float kMargin = 1.5;                    // the region's side over the face's
const float kLeastSize = 8.0;                 // pixels: below that there is nothing to see in a face

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Model {
  vec4 points[kFacePoints];  // of the canonical head, w: weight; the weighted mean is 0
};

layout(push_constant, std430) uniform Push {
  Words points;
  Words presence;
  Face face;
  Model model;
  ViewStrides strides;
  float crop_size;
  float least_presence;
  OneEuro how;
} pc;

shared vec4 raw[kFacePoints];
shared vec4 lows[kLanes], highs[kLanes];
shared vec4 sums[3u * kLanes];

/// The nearest rotation: Newton's iteration to the polar factor.
mat3 rotation_of(mat3 covariance) {
  float size = pow(max(abs(determinant(covariance)), 1e-30), 1.0 / 3.0);
  mat3 x = covariance / size;
  for (int i = 0; i < 14; ++i) x = 0.5 * (x + transpose(inverse(x)));
  return x;
}

void main() {
  uint lane = gl_LocalInvocationID.x;
  Region region = pc.face.region;
  uint frames = pc.face.tracked;
  float crop_size = pc.crop_size;
  for (uint i = lane; i < kFacePoints; i += kLanes) {
    vec3 p;
    for (uint k = 0u; k < 3u; ++k) {
      p[k] = load_element(pc.points, element_of(pc.strides, 3u * i + k, 0u), kFp16Points);
    }
    raw[i] = vec4(frame_of(region, p.xy / crop_size), p.z / crop_size * region.size, 0.0);
  }
  barrier();

  vec2 eyes = raw[kLeftEye].xy - raw[kRightEye].xy;
  float apart = length(eyes);
  vec2 axis = apart > 1e-3 ? eyes / apart : region.axis;
  vec2 down = vec2(-axis.y, axis.x);
  // x, y: along the face's own axes. z, w: along the picture's.
  vec4 low = vec4(1e30), high = vec4(-1e30);
  for (uint i = lane; i < kFacePoints; i += kLanes) {
    vec2 p = raw[i].xy;
    vec4 at = vec4(dot(p, axis), dot(p, down), p);
    low = min(low, at);
    high = max(high, at);
  }
  lows[lane] = low;
  highs[lane] = high;
  barrier();
  for (uint i = 0u; i < kLanes; ++i) {
    low = min(low, lows[i]);
    high = max(high, highs[i]);
  }
  float size = max(high.x - low.x, high.y - low.y);
  vec2 middle = 0.5 * (low.xy + high.xy);

  float logit = load_element(pc.presence, 0u, kFp16Presence);
  float presence = region.valid != 0u ? 1.0 / (1.0 + exp(-clamp(logit, -80.0, 80.0))) : 0.0;
  bool there = presence >= pc.least_presence && size >= kLeastSize;

  OneEuro how = pc.how;
  bool known = frames >= kFaceSettled, hold = known && how.seconds <= 0.0;  // the same frame again
  vec4 first = vec4(0.0), second = vec4(0.0), third = vec4(0.0);
  if (there) {
    for (uint i = lane; i < kFacePoints; i += kLanes) {
      vec4 point = raw[i], speed = vec4(0.0);
      if (hold) {
        point = pc.face.points[i];
        speed = pc.face.speeds[i];
      } else if (known) {
        speed = pc.face.speeds[i];
        one_euro(how, size, pc.face.points[i], point, speed);
      }
      pc.face.points[i] = point;
      pc.face.speeds[i] = speed;
      vec4 model = pc.model.points[i];
      first += vec4(model.xyz * point.x, dot(model.xyz, model.xyz)) * model.w;
      second += vec4(model.xyz * point.y, 0.0) * model.w;
      third += vec4(model.xyz * point.z, 0.0) * model.w;
    }
  }
  sums[lane] = first;
  sums[kLanes + lane] = second;
  sums[2u * kLanes + lane] = third;
  barrier();
  if (lane != 0u) return;

  pc.face.presence = presence;
  pc.face.tracked = there ? min(frames + 1u, kFaceSettled) : 0u;
  pc.face.region.valid = there ? 1u : 0u;
  if (!there) return;
  pc.face.region.centre = middle.x * axis + middle.y * down;
  pc.face.region.size = kMargin * size;
  pc.face.region.axis = axis;
  pc.face.box = vec4(low.zw, high.zw);
  pc.face.size = size;

  first = second = third = vec4(0.0);
  for (uint i = 0u; i < kLanes; ++i) {
    first += sums[i];
    second += sums[kLanes + i];
    third += sums[2u * kLanes + i];
  }
  // Row r, column c: how the frame's axis r goes with the head's axis c.
  mat3 covariance = transpose(mat3(first.xyz, second.xyz, third.xyz));
  if (!(determinant(covariance) > 0.0)) return;  // a mirror image: no face does that; the last pose stays
  mat3 rotation = rotation_of(covariance);
  for (uint k = 0u; k < 3u; ++k) pc.face.axes[k] = vec4(rotation[k], 0.0);
  mat3 along = transpose(rotation) * covariance;
  pc.face.scale = (along[0][0] + along[1][1] + along[2][2]) / max(first.w, 1e-6);
  // rotation = yaw about the picture's vertical * pitch * roll; [column][row].
  const float kDegrees = 57.29577951;
  pc.face.yaw = -atan(rotation[2][0], rotation[2][2]) * kDegrees;
  pc.face.pitch = asin(clamp(rotation[2][1], -1.0, 1.0)) * kDegrees;
  pc.face.roll = atan(rotation[0][1], rotation[1][1]) * kDegrees;
}
