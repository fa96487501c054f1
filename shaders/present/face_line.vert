// One instance a line between two landmarks, a landmark, or an axis of the head: a rectangle around it that
// landmark_line.frag fills. Without a face it has no area.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"
#include "face.glsl"

layout(location = 0) in vec4 line;  // from, to, kind

const float kMesh = 0.0, kContour = 1.0, kPoint = 2.0, kAxis = 3.0;
const float kHeadMiddle = 0.45;  // of the canonical head, behind its landmarks: its normals point away from there
const float kAxisLength = 0.45;  // face heights

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Model {
  vec4 points[kFacePoints];
};

layout(push_constant) uniform Push {
  Face face;
  Model model;
  vec2 frame;  // pixels
  float line;  // half the width of a box's line
} push;

layout(location = 0) out vec2 out_at;          // pixels along and across, from where the line begins
layout(location = 1) out flat vec4 out_shape;  // length, half width, whether its ends are round, dark rim
layout(location = 2) out vec4 out_color;

/// How much a point of the head shows: those on its far side do not.
float facing(uint point) {
  vec3 normal = normalize(push.model.points[point].xyz - vec3(0.0, 0.0, kHeadMiddle));
  vec3 depth = vec3(push.face.axes[0].z, push.face.axes[1].z, push.face.axes[2].z);
  return smoothstep(-0.15, 0.25, -dot(depth, normal));
}

void main() {
  uint from = uint(line.x), to = uint(line.y);
  float kind = line.z;
  vec2 a = push.face.points[from].xy, b;
  float half_width = push.line;
  vec4 color;
  // Corners of two triangles, as (0|1, 0|1).
  vec2 corner = vec2((0x1Au >> gl_VertexIndex) & 1u, (0x34u >> gl_VertexIndex) & 1u);
  if (kind == kAxis) {
    // Right, down, and out of the face.
    vec2 axis = to == 2u ? -push.face.axes[2].xy : push.face.axes[to].xy;
    b = a + axis * kAxisLength * push.face.scale;
    half_width *= push.face.size > 160.0 ? 1.25 : 0.75;
    color = to == 0u ? vec4(0.95, 0.26, 0.28, 1.0) : to == 1u ? vec4(0.36, 0.86, 0.38, 1.0) : vec4(0.30, 0.56, 1.0, 1.0);
  } else {
    b = push.face.points[to].xy;
    float shown = mix(facing(from), facing(to), corner.x);
    // Small faces get fewer pixels a triangle: fainter lines, so that one sees the face.
    float near = clamp((push.face.size - 60.0) / 240.0, 0.0, 1.0);
    if (kind == kMesh) {
      half_width *= 0.5;
      color = vec4(0.66, 0.94, 1.0, mix(0.13, 0.42, near) * shown);
    } else if (kind == kContour) {
      half_width *= mix(0.45, 0.9, near);
      color = vec4(0.80, 1.0, 0.98, mix(0.7, 0.9, near) * shown);
    } else {
      half_width *= mix(0.5, 1.6, near);
      color = vec4(0.70, 0.96, 1.0, 0.9 * shown);
    }
  }
  float length_ = distance(a, b);
  vec2 along = length_ > 1e-3 ? (b - a) / length_ : vec2(1.0, 0.0);
  float rim = kind == kAxis ? push.line : 0.0;
  float reach = half_width + rim + 1.0;
  out_at = vec2(mix(-reach, length_ + reach, corner.x), mix(-reach, reach, corner.y));
  out_shape = vec4(length_, half_width, kind == kMesh ? 0.0 : 1.0, rim);
  out_color = color;
  vec2 at = a + out_at.x * along + out_at.y * vec2(-along.y, along.x);
  gl_Position = push.face.tracked >= kFaceSettled ? vec4(at / push.frame * 2.0 - 1.0, 0.0, 1.0) : vec4(-2.0, -2.0, 0.0, 1.0);
}
