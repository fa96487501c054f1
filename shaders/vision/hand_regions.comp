// Where the two hands are looked at in this frame: where their own landmarks were, or beyond the wrist of an arm of the
// body. One invocation: it is two hands.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"
#include "landmarks.glsl"

layout(local_size_x = 1) in;
const uint kShoulders = 5u, kElbows = 7u, kWrists = 9u;  // the left one, then the right one
const uint64_t kStateBytes = 736ul;                      // of a Landmarks
// Lengths of people, in forearms:
const float kShoulderSpan = 1.33;  // between the shoulders
const float kHandMiddle = 0.35;    // from the wrist to the middle of the hand
const float kLook = 1.0;           // side of the square
// Cosine and sine of how the hand may bend at the wrist; the network sees hands that are upright, half a right angle
// more or less.
const vec2 kBends[3] = vec2[3](vec2(1.0, 0.0), vec2(0.70710678, -0.70710678), vec2(0.70710678, 0.70710678));
const float kShort = 0.25;         // a forearm that looks shorter than that points at the camera
const float kAstray = 0.25;        // seconds
const float kTwins = 0.3;          // region sizes: two hands so near are one hand seen twice

layout(push_constant, std430) uniform Push {
  Landmarks body;
  uint64_t hands;
  float least_score;  // of the body's points
  float seconds;
  uint reset;
} pc;

bool sure(uint point) { return pc.body.tracked != 0u && pc.body.points[point].w >= pc.least_score; }

void begin_at_arm(Landmarks hand, uint side) {
  uint elbow = kElbows + side;
  vec2 wrist = pc.body.points[kWrists + side].xy, forearm = vec2(0.0);
  float length_ = 0.0;
  if (sure(elbow)) forearm = wrist - pc.body.points[elbow].xy;
  if (sure(kShoulders) && sure(kShoulders + 1u)) {
    length_ = distance(pc.body.points[kShoulders].xy, pc.body.points[kShoulders + 1u].xy) / kShoulderSpan;
  }
  length_ = max(length_, length(forearm));
  hand.begins = length_ >= 4.0 && sure(kWrists + side) ? 1u : 0u;
  hand.region.valid = hand.begins;
  if (hand.begins == 0u) return;
  // What is not seen of a forearm points up, as before a webcam.
  if (length(forearm) < kShort * length_) forearm = vec2(0.0, -kShort * length_);
  vec2 bend = kBends[hand.tries % 3u];
  forearm = vec2(bend.x * forearm.x - bend.y * forearm.y, bend.y * forearm.x + bend.x * forearm.y);
  vec2 up = normalize(forearm);
  hand.region.centre = wrist + kHandMiddle * forearm;
  hand.region.size = kLook * length_;
  hand.region.axis = vec2(-up.y, up.x);
}

/// From the hand's wrist to its arm's; far where the arm is not seen.
float off_arm(Landmarks hand, uint side) {
  return sure(kWrists + side) ? distance(hand.points[0].xy, pc.body.points[kWrists + side].xy) : 1e9;
}

void lose(Landmarks hand) {
  hand.tracked = 0u;
  hand.region.valid = 0u;
  hand.presence = 0.0;
  hand.shown = 0.0;
}

void main() {
  Landmarks hands[2] = Landmarks[2](Landmarks(pc.hands), Landmarks(pc.hands + kStateBytes));
  for (uint side = 0u; side < 2u; ++side) {
    Landmarks hand = hands[side];
    if (pc.reset != 0u) {
      lose(hand);
      hand.since = 0.0;
      hand.tries = 0u;
    }
    hand.since += pc.seconds;
    if (hand.tracked == 0u) continue;
    // On another hand, or slid off onto something else.
    bool off = sure(kWrists + side) && off_arm(hand, side) > 0.5 * hand.region.size;
    hand.astray = off ? hand.astray + pc.seconds : 0.0;
    if (hand.astray > kAstray) lose(hand);
  }
  Landmarks a = hands[0], b = hands[1];
  if (a.tracked != 0u && b.tracked != 0u &&
      distance(a.region.centre, b.region.centre) < kTwins * min(a.region.size, b.region.size)) {
    float off_a = off_arm(a, 0u), off_b = off_arm(b, 1u);
    bool keep_a = off_a < off_b || (off_a == off_b && a.presence >= b.presence);
    if (keep_a) {
      lose(b);
    } else {
      lose(a);
    }
  }
  for (uint side = 0u; side < 2u; ++side) {
    if (hands[side].tracked == 0u) {
      hands[side].astray = 0.0;
      begin_at_arm(hands[side], side);
    } else {
      hands[side].begins = sure(kWrists + side) ? 1u : 0u;
    }
  }
}
