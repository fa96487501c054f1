// A hand's points of a crop to pixels of the frame, with the One Euro filter; the region of the next frame. One
// workgroup: there are twenty-one points.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"
#include "landmarks.glsl"
#include "one_euro.glsl"

layout(local_size_x = 32) in;
layout(constant_id = 0) const bool kFp16Points = false;
layout(constant_id = 1) const bool kFp16Presence = false;
const uint kWrist = 0u, kIndexRoot = 5u, kMiddleRoot = 9u, kRingRoot = 13u;
// The palm and the fingers' first joints: fingers that open and close do not change the region.
const uint kSteady = (1u << 0) | (1u << 1) | (1u << 2) | (1u << 3) | (1u << 5) | (1u << 6) | (1u << 9) | (1u << 10) |
                     (1u << 13) | (1u << 14) | (1u << 17) | (1u << 18);
const float kRoom = 2.0;       // the region's side over theirs
const float kForward = 0.1;    // of that side, towards the fingers
const float kLeastSize = 6.0;  // pixels: below that there is nothing to see in a hand

layout(push_constant, std430) uniform Push {
  Words points;
  Words presence;
  Landmarks hand;
  ViewStrides strides;
  float crop_size;
  float least_presence;
  OneEuro how;  // but for the seconds, which the state has
} pc;

shared vec4 raw[kHandPoints];

void main() {
  uint lane = gl_LocalInvocationID.x;
  Region region = pc.hand.region;
  uint frames = pc.hand.tracked;
  float since = pc.hand.since;
  if (frames >= kSettled && since <= 0.0) return;  // the same frame again
  if (lane < kHandPoints) {
    vec3 p;
    for (uint k = 0u; k < 3u; ++k) {
      p[k] = load_element(pc.points, element_of(pc.strides, 3u * lane + k, 0u), kFp16Points);
    }
    raw[lane] = vec4(frame_of(region, p.xy / pc.crop_size), p.z / pc.crop_size * region.size, 0.0);
  }
  barrier();

  // From the wrist to the roots of the fingers; the middle finger's counts twice.
  vec2 up = 0.25 * (raw[kIndexRoot].xy + raw[kRingRoot].xy) + 0.5 * raw[kMiddleRoot].xy - raw[kWrist].xy;
  float long_ = length(up);
  up = long_ > 1e-3 ? up / long_ : vec2(region.axis.y, -region.axis.x);
  vec2 right = vec2(-up.y, up.x), low = vec2(1e30), high = vec2(-1e30);
  for (uint i = 0u; i < kHandPoints; ++i) {
    if ((kSteady >> i & 1u) == 0u) continue;
    vec2 at = vec2(dot(raw[i].xy, right), dot(raw[i].xy, up));
    low = min(low, at);
    high = max(high, at);
  }
  float size = max(high.x - low.x, high.y - low.y);
  float presence = region.valid != 0u ? load_element(pc.presence, 0u, kFp16Presence) : 0.0;
  bool there = presence >= pc.least_presence && size >= kLeastSize;

  bool known = frames >= kSettled;
  float shown = known ? mix(pc.hand.shown, presence, show_alpha(since)) : presence;
  if (there && lane < kHandPoints) {
    vec4 point = raw[lane], speed = vec4(0.0);
    if (known) {
      OneEuro how = pc.how;
      how.seconds = since;
      speed = vec4(pc.hand.speeds[lane].xyz, 0.0);
      one_euro(how, size, vec4(pc.hand.points[lane].xyz, 0.0), point, speed);
    }
    pc.hand.points[lane] = vec4(point.xyz, presence);
    pc.hand.speeds[lane] = vec4(speed.xyz, shown);
  }
  barrier();
  if (lane != 0u) return;
  pc.hand.since = 0.0;
  pc.hand.presence = presence;
  pc.hand.tracked = there ? min(frames + 1u, kSettled) : 0u;
  pc.hand.shown = there ? shown : 0.0;
  pc.hand.region.valid = there ? 1u : 0u;
  pc.hand.tries = there || region.valid == 0u || frames != 0u ? 0u : pc.hand.tries + 1u;
  if (!there) return;
  vec2 middle = 0.5 * (low + high) + vec2(0.0, kForward * (high.y - low.y));
  pc.hand.region.centre = middle.x * right + middle.y * up;
  pc.hand.region.size = kRoom * size;
  pc.hand.region.axis = right;
  pc.hand.size = size;
}
