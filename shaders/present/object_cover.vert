// The rectangle that an object is in, without area where there is no face. As far away as depth goes.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"
#include "object.glsl"

layout(push_constant) uniform Push {
  Face face;
  Placement placement;
  vec2 frame;  // pixels
} push;

void main() {
  // Corners of two triangles, as (0|1, 0|1).
  vec2 corner = vec2((0x1Au >> gl_VertexIndex) & 1u, (0x34u >> gl_VertexIndex) & 1u);
  vec4 box = push.placement.box;
  gl_Position = vec4(mix(box.xy, box.zw, corner) / push.frame * 2.0 - 1.0, 1.0, 1.0);
}
