// A vertex of an object, or of the head that hides it, to where the face is.
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
  uint object;
} push;

layout(location = 0) out vec3 out_at;      // in the head's axes
layout(location = 1) centroid out vec3 out_normal;  // in the camera's; never beyond an edge
layout(location = 2) out float out_extra;
layout(location = 3) out flat float out_material;

const float kReach = 4.0;    // heads before and behind the origin that depth covers
const float kBehind = 0.02;  // of a head: the skin lies so far behind its landmarks, not to come through what rests on it

void main() {
  vec4 x = push.placement.axes[0], y = push.placement.axes[1], z = push.placement.axes[2];
  vec3 origin = vec3(x.w, y.w, z.w);
  mat3 axes = mat3(x.xyz, y.xyz, z.xyz);
  float scale = push.placement.scale;
  vec3 at = origin + axes * vertex.xyz;
  if (outward.w == kSkin) at = push.face.points[uint(vertex.w)].xyz + vec3(0.0, 0.0, kBehind * scale);
  out_at = vertex.xyz;
  out_normal = axes * outward.xyz / scale;
  out_extra = vertex.w;
  out_material = outward.w;
  bool shown = push.placement.box.z > push.placement.box.x;
  float depth = 0.5 + 0.5 * (at.z - origin.z) / (kReach * scale);
  gl_Position = shown ? vec4(at.xy / push.frame * 2.0 - 1.0, depth, 1.0) : vec4(-2.0, -2.0, 0.0, 1.0);
}
