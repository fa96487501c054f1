// A body's points of a crop to pixels of the frame, with the One Euro filter; the region of the next frame. One
// workgroup: there are seventeen points.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"
#include "landmarks.glsl"
#include "one_euro.glsl"

layout(local_size_x = 32) in;
layout(constant_id = 0) const bool kFp16 = false;
const uint kLanes = 32;
const uint kLeftShoulder = 5u, kRightShoulder = 6u, kLeftHip = 11u, kRightHip = 12u;
const float kVisible = 0.2;                  // a point that the next region is made by
const float kTorsoRoom = 1.9, kBodyRoom = 1.2;  // the region's half side over what it must hold
const uint kLeastPoints = 4u;                // fewer are nobody

layout(push_constant, std430) uniform Push {
  Words points;
  Landmarks body;
  uint point_stride, value_stride;  // elements from point to point, and from y to x to score
  float least_score;
  OneEuro how;
  vec2 frame;  // pixels
  uint reset;  // forget who was there, for a frame that does not follow the one before; reads no points
} pc;

shared vec4 raw[kBodyPoints];

Region whole_frame() {
  Region region;
  region.centre = 0.5 * pc.frame;
  region.size = max(pc.frame.x, pc.frame.y);
  region.valid = 1u;
  region.axis = vec2(1.0, 0.0);
  region.reserved = vec2(0.0);
  return region;
}

/// Around the hips, as large as the torso or the whole body needs; the whole frame where no torso is seen.
Region next_region() {
  bool hips = max(raw[kLeftHip].w, raw[kRightHip].w) > kVisible;
  bool shoulders = max(raw[kLeftShoulder].w, raw[kRightShoulder].w) > kVisible;
  Region region = whole_frame();
  if (!hips || !shoulders) return region;
  vec2 centre = 0.5 * (raw[kLeftHip].xy + raw[kRightHip].xy), torso = vec2(0.0), body = vec2(0.0);
  for (uint i = 0u; i < kBodyPoints; ++i) {
    vec2 away = abs(raw[i].xy - centre);
    if (i == kLeftShoulder || i == kRightShoulder || i == kLeftHip || i == kRightHip) torso = max(torso, away);
    if (raw[i].w > kVisible) body = max(body, away);
  }
  float half_side = max(kTorsoRoom * max(torso.x, torso.y), kBodyRoom * max(body.x, body.y));
  vec2 border = max(centre, pc.frame - centre);
  half_side = min(half_side, max(border.x, border.y));
  if (half_side > 0.5 * region.size) return region;
  region.centre = centre;
  region.size = 2.0 * half_side;
  return region;
}

void main() {
  uint lane = gl_LocalInvocationID.x;
  if (pc.reset != 0u) {
    if (lane == 0u) {
      pc.body.region = whole_frame();
      pc.body.tracked = 0u;
      pc.body.presence = 0.0;
    }
    return;
  }
  Region region = pc.body.region;
  uint frames = pc.body.tracked;
  if (lane < kBodyPoints) {
    vec3 p;
    for (uint k = 0u; k < 3u; ++k) {
      p[k] = load_element(pc.points, lane * pc.point_stride + k * pc.value_stride, kFp16);
    }
    raw[lane] = vec4(frame_of(region, p.yx), 0.0, p.z);
  }
  barrier();

  float sum = 0.0;
  uint sure = 0u;
  vec2 low = vec2(1e30), high = vec2(-1e30);
  for (uint i = 0u; i < kBodyPoints; ++i) {
    if (!(raw[i].w >= pc.least_score)) continue;  // also a score that is no number
    sum += raw[i].w;
    ++sure;
    low = min(low, raw[i].xy);
    high = max(high, raw[i].xy);
  }
  OneEuro how = pc.how;
  bool hold = frames >= kSettled && how.seconds <= 0.0;  // the same frame again
  bool there = sure >= kLeastPoints;
  float size = max(max(high.x - low.x, high.y - low.y), 1.0);
  if (hold) return;

  if (there && lane < kBodyPoints) {
    vec4 point = raw[lane], speed = vec4(0.0, 0.0, 0.0, point.w);
    if (frames != 0u && how.seconds > 0.0) {
      vec4 last = pc.body.points[lane], last_speed = pc.body.speeds[lane];
      speed.w = mix(last_speed.w, point.w, show_alpha(how.seconds));
      // A point that was not seen was anywhere.
      if (last_speed.w >= 0.5 * pc.least_score) {
        vec4 moved = vec4(last_speed.xyz, 0.0), at = point;
        one_euro(how, size, last, at, moved);
        point.xyz = at.xyz;
        speed.xyz = moved.xyz;
      }
    }
    pc.body.points[lane] = point;
    pc.body.speeds[lane] = speed;
  }
  if (lane != 0u) return;
  pc.body.presence = there ? sum / float(sure) : 0.0;
  pc.body.tracked = there ? min(frames + 1u, kSettled) : 0u;
  pc.body.size = there ? size : 0.0;
  if (there) {
    pc.body.region = next_region();
  } else {
    pc.body.region = whole_frame();
  }
}
