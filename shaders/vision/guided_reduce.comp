// The frame averaged over each cell of the grid, and the network's picture at the cell's middle: what the guided filter
// works on, twice four halves (blue, green, red).
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "matte.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const int kStep = 4;
layout(constant_id = 1) const bool kFp16 = false;
layout(constant_id = 2) const bool kRgb = true;  // order of the network's channels

layout(push_constant, std430) uniform Push {
  Words frame;
  Words source;
  Longs cells;
  ViewStrides strides;
  int width, height;
  int source_width, source_height;
  int columns, rows;
  float fit[4];  // source = frame * (0, 1) + (2, 3), pixels
  float scale[3], offset[3];
} pc;

vec3 texel(uint at) {
  vec3 value;
  [[unroll]] for (uint c = 0u; c < 3u; ++c) {
    float raw = load_element(pc.source, element_of(pc.strides, c, at), kFp16);
    value[c] = raw * pc.scale[c] + pc.offset[c];
  }
  return clamp(kRgb ? value.zyx : value, 0.0, 1.0);
}

void main() {
  int column = int(gl_GlobalInvocationID.x), row = int(gl_GlobalInvocationID.y);
  int width = pc.width, height = pc.height;
  Words frame = pc.frame;
  vec3 sum = vec3(0.0);
  for (int y = 0; y < kStep; ++y) {
    int start = min(row * kStep + y, height - 1) * width;
    [[unroll]] for (int x = 0; x < kStep; ++x) sum += bgr_of(frame.v[start + min(column * kStep + x, width - 1)]);
  }
  vec2 middle = (vec2(float(column), float(row)) + 0.5) * float(kStep);
  vec2 position = middle * vec2(pc.fit[0], pc.fit[1]) + vec2(pc.fit[2], pc.fit[3]) - 0.5;
  position = clamp(position, vec2(0.0), vec2(float(pc.source_width - 1), float(pc.source_height - 1)));
  vec2 whole = floor(position), part = position - whole;
  int x0 = int_of(whole.x), x1 = min(x0 + 1, pc.source_width - 1);
  int y0 = int_of(whole.y) * pc.source_width, y1 = min(int_of(whole.y) + 1, pc.source_height - 1) * pc.source_width;
  vec3 upper = mix(texel(uint(y0 + x0)), texel(uint(y0 + x1)), part.x);
  vec3 lower = mix(texel(uint(y1 + x0)), texel(uint(y1 + x1)), part.x);
  if (column >= pc.columns || row >= pc.rows) return;
  int cell = 2 * (row * pc.columns + column);
  pc.cells.v[cell] = pack_halves(vec4(sum * (1.0 / float(255 * kStep * kStep)), 0.0));
  pc.cells.v[cell + 1] = pack_halves(vec4(mix(upper, lower, part.y), 0.0));
}
