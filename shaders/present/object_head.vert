// The head, which is not seen but hides objects and has their shadow: the face by its landmarks, skull and ears as the
// canonical head has them.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"
#include "object.glsl"

layout(location = 0) in vec4 vertex;   // in the head's axes; w: what the material makes of it
layout(location = 1) in vec4 outward;  // w: material

layout(push_constant) uniform Push {
  Face face;
  Placement placement;
  vec2 frame;  // pixels
} push;

layout(location = 0) out float out_shadow;

layout(constant_id = 0) const uint kObject = kGlasses;

// Of a head: the skin lies so far behind its landmarks, not to come through what rests on it.
const float kBehind = 0.02;

// present/object_model.cpp
const vec2 kLens = vec2(0.19, -0.056), kLensSize = vec2(0.145, 0.116);

/// How dark the object's shadow is on the head.
float shadow(vec3 p, vec3 normal) {
  float facing = smoothstep(0.0, 0.4, -normal.z);
  if (kObject == kGlasses) {
    // What rests on the nose throws its shadow down and, from the left, to the right.
    vec2 d = (vec2(abs(p.x - 0.008), p.y - 0.022) - kLens) / kLensSize;
    float around = pow(pow(abs(d.x), 2.7) + pow(abs(d.y), 2.7), 1.0 / 2.7) - 1.0;
    float front = smoothstep(0.20, 0.05, p.z);
    float frame = 0.26 * exp(-around * around / 0.075);
    float lens = 0.16 * smoothstep(0.1, -0.2, around);
    float temple = 0.30 * exp(-pow((p.y + 0.075) / 0.03, 2.0)) * smoothstep(0.08, 0.16, p.z);
    return max(max(frame, lens) * front, temple) * facing;
  }
  if (kObject == kHat) {
    float below = p.y + 0.415 - 0.15 * (p.z + 0.08);  // from the brim down
    return 0.42 * smoothstep(0.24, 0.0, below) * facing;
  }
  float away = length((p - vec3(0.05, -0.60, 0.44)) / vec3(0.30, 0.12, 0.30));
  return 0.35 * smoothstep(1.2, 0.75, away) * facing;
}

void main() {
  vec4 x = push.placement.axes[0], y = push.placement.axes[1], z = push.placement.axes[2];
  mat3 axes = mat3(x.xyz, y.xyz, z.xyz);
  float scale = push.placement.scale;
  vec3 at = outward.w == kSkin ? push.face.points[uint(vertex.w)].xyz + vec3(0.0, 0.0, kBehind * scale)
                               : vec3(x.w, y.w, z.w) + axes * vertex.xyz;
  out_shadow = shadow(vertex.xyz, axes * outward.xyz / scale);
  gl_Position = place_of(push.placement, at, push.frame);
}
