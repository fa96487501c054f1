// One instance a piece of a trail: the four corners of a strip, so that neighbouring pieces share an edge and neither
// overlap nor leave a gap.
#version 460

layout(location = 0) in vec4 start;  // left x, y, right x, y in pixels of the picture
layout(location = 1) in vec4 end;
layout(location = 2) in vec4 color;
layout(location = 3) in vec4 shape;  // opacity at the start, at the end, half the strip's width, half the line's

layout(push_constant) uniform Push {
  vec2 frame;  // pixels
  float line;
  float outline;
} push;

layout(location = 0) out vec2 out_across;  // pixels from the middle of the strip, opacity
layout(location = 1) out flat vec4 out_color;

void main() {
  // Corners of two triangles, as (0|1, 0|1).
  vec2 corner = vec2((0x1Au >> gl_VertexIndex) & 1u, (0x34u >> gl_VertexIndex) & 1u);
  vec4 side = corner.x == 0.0 ? start : end;
  out_across = vec2((corner.y * 2.0 - 1.0) * shape.z, corner.x == 0.0 ? shape.x : shape.y);
  out_color = vec4(color.rgb, shape.w);
  gl_Position = vec4((corner.y == 0.0 ? side.xy : side.zw) / push.frame * 2.0 - 1.0, 0.0, 1.0);
}
