// One instance a quad, from instance attributes alone.
#version 460

layout(location = 0) in vec4 place;
layout(location = 1) in vec4 inside;
layout(location = 2) in vec4 shape;
layout(location = 3) in vec4 color;

layout(push_constant) uniform Push {
  vec2 frame;  // pixels
  float line;
  float outline;
} push;

layout(location = 0) out vec2 out_inside;
layout(location = 1) out flat vec4 out_shape;
layout(location = 2) out flat vec4 out_color;

void main() {
  // Corners of two triangles, as (0|1, 0|1).
  vec2 corner = vec2((0x1Au >> gl_VertexIndex) & 1u, (0x34u >> gl_VertexIndex) & 1u);
  out_inside = mix(inside.xy, inside.zw, corner);
  out_shape = shape;
  out_color = color;
  gl_Position = vec4(mix(place.xy, place.zw, corner) / push.frame * 2.0 - 1.0, 0.0, 1.0);
}
