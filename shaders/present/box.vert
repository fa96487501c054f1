// One instance a detection, drawn by an indirect command that NMS wrote. The outline is four quads round the edge
// (24 vertices), so that a large box costs its edge and not its area.
#version 460
#include "present_types.glsl"

layout(push_constant) uniform Push {
  uvec2 detections;
  uvec2 classes;
  vec2 frame;
  uint class_count;
  float line;     // half the width of the coloured line, pixels
  float outline;  // width of the dark rim on either side
  float radius;   // of the corners
} push;

layout(location = 0) out vec2 out_point;
layout(location = 1) out flat vec2 out_half_size;
layout(location = 2) out flat vec4 out_color;

void main() {
  Detections detections = Detections(push.detections);
  // They are sorted best first; the best is drawn last, on top.
  uint index = detections.count - 1u - min(uint(gl_InstanceIndex), detections.count - 1u);
  vec4 box = detections.items[index].box;
  vec2 centre = 0.5 * (box.xy + box.zw);
  vec2 half_size = max(0.5 * (box.zw - box.xy), vec2(1.0));
  float reach = push.line + push.outline + 1.0;
  vec2 outer = half_size + reach;
  vec2 inner = max(half_size - reach - push.radius, vec2(0.0));

  // Top and bottom over the whole width, left and right between them.
  uint side = uint(gl_VertexIndex) / 6u;
  vec2 low, high;
  if (side == 0u) { low = -outer; high = vec2(outer.x, -inner.y); }
  else if (side == 1u) { low = vec2(-outer.x, inner.y); high = outer; }
  else if (side == 2u) { low = vec2(-outer.x, -inner.y); high = vec2(-inner.x, inner.y); }
  else { low = vec2(inner.x, -inner.y); high = vec2(outer.x, inner.y); }
  vec2 point = mix(low, high, corner_of(uint(gl_VertexIndex) % 6u));

  uint class_id = min(uint(max(detections.items[index].class_id, 0)), push.class_count - 1u);
  out_point = point;
  out_half_size = half_size;
  out_color = unpack_color(Classes(push.classes).items[class_id].color);
  gl_Position = to_clip(centre + point, push.frame);
}
