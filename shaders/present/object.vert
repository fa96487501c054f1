// A vertex of an object to where the face is.
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

layout(location = 0) out vec3 out_at;      // in the head's axes
layout(location = 1) centroid out vec3 out_normal;  // in the camera's; never beyond an edge
layout(location = 2) out float out_extra;
layout(location = 3) out flat float out_material;

void main() {
  vec4 x = push.placement.axes[0], y = push.placement.axes[1], z = push.placement.axes[2];
  vec3 origin = vec3(x.w, y.w, z.w);
  mat3 axes = mat3(x.xyz, y.xyz, z.xyz);
  float scale = push.placement.scale;
  vec3 at = origin + axes * vertex.xyz;
  out_at = vertex.xyz;
  out_normal = axes * outward.xyz / scale;
  out_extra = vertex.w;
  out_material = outward.w;
  gl_Position = place_of(push.placement, at, push.frame);
}
