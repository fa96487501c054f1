// Turns detections into quads: four edges of its box and a tag with "name 0.87" for each. In a compute pass, so that
// looking up names and glyphs happens once a quad and not for each of its six vertices, and one indirect draw shows
// everything. Writes that draw's command too: the host never learns the count. All boxes come first, then all labels;
// the best detection is the last of its kind, on top.
#version 460
#include "present_boxes.glsl"

layout(local_size_x = 32) in;

layout(push_constant) uniform Push {
  DetectionBuffer detections;
  uvec2 classes;
  uvec2 runs;
  uvec2 glyphs;
  Quads quads;
  vec2 frame;
  uint class_count;
  uint digit_zero;  // glyph of '0'; the other digits follow
  uint full_stop;   // glyph of '.'
  float digit_width, stop_width, space_width;
  float ascent;       // baseline below the tag's top, pixels
  float text_height;  // of the tag
  float padding;      // beside the text
  float line;         // half the width of the box's line
  float outline;      // width of the dark rim on either side of it
  float radius;       // of the box's corners
  float least_score;  // boxes must lie above it
} push;

const uint kEdges = 4;
const uint kScoreGlyphs = 4;
const uint kLabelQuads = 25;  // the tag and at most 24 glyphs

Quad label_of(vec4 box, float score, ClassEntry entry, uint at, vec3 color) {
  float score_at = entry.width + push.space_width;
  vec2 size = vec2(ceil(score_at + 3.0 * push.digit_width + push.stop_width + 2.0 * push.padding), push.text_height);
  // Above the box; inside it where the picture ends; never beyond the picture's sides. Whole pixels keep text crisp.
  vec2 origin = box.xy - push.line - vec2(0.0, size.y);
  if (origin.y < 0.0) origin.y = max(box.y, 0.0) + push.line;
  origin = floor(clamp(origin, vec2(0.0), max(push.frame - size, vec2(0.0))) + 0.5);
  if (at == 0u) {
    return Quad(vec4(origin, origin + size), 0.5 * vec4(-size, size), vec4(0.5 * size, 3.0, kRectangle),
                vec4(color, 0.94));
  }
  at -= 1u;
  if (at >= entry.count + kScoreGlyphs) return kNothing;
  uint glyph_id;
  float pen;
  if (at < entry.count) {
    RunGlyph run = Runs(push.runs).items[entry.first + at];
    glyph_id = run.glyph;
    pen = run.pen;
  } else {
    uint hundredths = uint(clamp(score, 0.0, 1.0) * 100.0 + 0.5);
    uint place = at - entry.count;
    uint digit = place == 0u ? hundredths / 100u : place == 2u ? hundredths / 10u % 10u : hundredths % 10u;
    glyph_id = place == 1u ? push.full_stop : push.digit_zero + digit;
    pen = score_at + (place == 0u ? 0.0 : push.digit_width) +
          (place < 2u ? 0.0 : push.stop_width + float(place - 2u) * push.digit_width);
  }
  Glyph glyph = Glyphs(push.glyphs).items[glyph_id];
  vec2 start = origin + vec2(floor(push.padding + pen + 0.5), push.ascent);
  // Dark text on light tags, light text on dark ones (Rec. 709 luma).
  bool light = dot(color, vec3(0.2126, 0.7152, 0.0722)) > 0.45;
  return Quad(glyph.quad + start.xyxy, glyph.texels, vec4(1.0, 1.0, 0.0, kGlyph),
              light ? vec4(0.03, 0.04, 0.05, 1.0) : vec4(1.0));
}

void main() {
  uint part = gl_GlobalInvocationID.x;
  uint count = shown(push.detections, push.least_score);
  if (part == 0u && gl_WorkGroupID.y == 0u) {
    // One quad without area where there is no detection: a driver that compiles a pipeline when it first draws
    // something does so before one shows.
    push.quads.command = uvec4(6u, max(count * (kEdges + kLabelQuads), 1u), 0u, 0u);
    if (count == 0u) push.quads.items[0] = kNothing;
  }
  if (part >= kEdges + kLabelQuads) return;

  // So many workgroups as the host thought fit share the rows: a frame with few boxes costs little.
  for (uint row = gl_WorkGroupID.y; row < count; row += gl_NumWorkGroups.y) {
    Detection detection = push.detections.items[count - 1u - row];
    vec4 box = detection.box;
    uint class_id = min(uint(max(detection.class_id, 0)), push.class_count - 1u);
    ClassEntry entry = Classes(push.classes).items[class_id];
    vec3 color = unpackUnorm4x8(entry.color).rgb;
    if (part < kEdges) {
      push.quads.items[row * kEdges + part] = edge_of(box, part, color, push.line, push.outline, push.radius);
    } else {
      push.quads.items[count * kEdges + row * kLabelQuads + part - kEdges] =
          label_of(box, detection.score, entry, part - kEdges, color);
    }
  }
}
