// What passes share that turn detections into quads on the device.
#ifndef TARSIER_PRESENT_BOXES
#define TARSIER_PRESENT_BOXES
#include "present_types.glsl"
#include "vision_types.glsl"

layout(buffer_reference, std430, buffer_reference_align = 16) writeonly buffer Quads {
  uvec4 command;  // VkDrawIndirectCommand
  uvec4 reserved;
  Quad items[];
};

const Quad kNothing = Quad(vec4(-8.0), vec4(0.0), vec4(1.0, 1.0, 0.0, 0.0), vec4(0.0));

/// Top and bottom over the whole width, left and right between them: a large box costs its edge, not its area.
Quad edge_of(vec4 box, uint side, vec3 color, float line, float outline, float corner) {
  vec2 centre = 0.5 * (box.xy + box.zw);
  vec2 half_size = max(0.5 * (box.zw - box.xy), vec2(1.0));
  float reach = line + outline + 1.0;
  vec2 outer = half_size + reach;
  vec2 inner = max(half_size - reach - corner, vec2(0.0));
  vec4 part = side == 0u   ? vec4(-outer, outer.x, -inner.y)
              : side == 1u ? vec4(-outer.x, inner.y, outer)
              : side == 2u ? vec4(-outer.x, -inner.y, -inner.x, inner.y)
                           : vec4(inner.x, -inner.y, outer.x, inner.y);
  float radius = min(corner, min(half_size.x, half_size.y));
  return Quad(part + centre.xyxy, part, vec4(half_size, radius, kOutline), vec4(color, 1.0));
}

/// Detections above the least score; they lie by falling score.
uint shown(DetectionBuffer detections, float least_score) {
  uint first = 0u;
  uint last = min(detections.header.count, kMaxDetections);
  while (first < last) {
    uint middle = (first + last) / 2u;
    if (detections.items[middle].score > least_score) {
      first = middle + 1u;
    } else {
      last = middle;
    }
  }
  return first;
}
#endif
