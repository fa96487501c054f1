// Each pixel by the functions around it, interpolated.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "matte.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const int kStep = 4;

layout(push_constant, std430) uniform Push {
  Words frame;
  Longs averaged;
  Words target;
  int width, height;
  int columns, rows;
  float strength;
} pc;

void main() {
  int column = int(gl_GlobalInvocationID.x), row = int(gl_GlobalInvocationID.y);
  int width = pc.width, height = pc.height, columns = pc.columns, rows = pc.rows;
  Words frame = pc.frame, target = pc.target;
  Longs averaged = pc.averaged;
  float strength = pc.strength;
  const float inverse = 1.0 / float(kStep);
  Block block = block_at(column, row, columns, rows, kStep);
  int corners[4] = block.corners;
  vec3 slope[4], offset[4];
  [[unroll]] for (int i = 0; i < 4; ++i) {
    slope[i] = load_halves(averaged, 2 * corners[i]).xyz;
    offset[i] = load_halves(averaged, 2 * corners[i] + 1).xyz * 255.0;
  }
  int first_x = block.first_x, first_y = block.first_y;
  for (int j = 0; j < kStep; ++j) {
    int y = first_y + j;
    float down = block.down + float(j) * inverse;
    vec3 slope_0 = mix(slope[0], slope[2], down), slope_1 = mix(slope[1], slope[3], down);
    vec3 offset_0 = mix(offset[0], offset[2], down), offset_1 = mix(offset[1], offset[3], down);
    int start = clamp(y, 0, height - 1) * width;
    [[unroll]] for (int i = 0; i < kStep; ++i) {
      int x = first_x + i;
      float across = block.across + float(i) * inverse;
      int at = start + clamp(x, 0, width - 1);
      vec3 own = bgr_of(frame.v[at]);
      vec3 made = mix(slope_0, slope_1, across) * own + mix(offset_0, offset_1, across);
      uint pixel = pixel_of(mix(own, clamp(made, 0.0, 255.0), strength));
      if (x >= 0 && x < width && y >= 0 && y < height) target.v[at] = pixel;
    }
  }
}
