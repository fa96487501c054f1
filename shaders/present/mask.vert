// One instance a rectangle of mask_tiles.comp.
#version 460

layout(location = 0) in vec4 place;  // x0, y0, x1, y1 in pixels

layout(push_constant) uniform Push {
  layout(offset = 16) vec4 color;
  vec2 frame;  // pixels
} push;

void main() {
  // Corners of two triangles, as (0|1, 0|1).
  vec2 corner = vec2((0x1Au >> gl_VertexIndex) & 1u, (0x34u >> gl_VertexIndex) & 1u);
  gl_Position = vec4(mix(place.xy, place.zw, corner) / push.frame * 2.0 - 1.0, 0.0, 1.0);
}
