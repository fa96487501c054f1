// The frame averaged over each cell of the matte's grid, with the mask at the cell's middle: what the guided filter
// works on, four halves (blue, green, red, mask).
#version 460
#extension GL_GOOGLE_include_directive : require
#include "matte.glsl"

layout(local_size_x = 64) in;

layout(push_constant, std430) uniform Push {
  Words frame;
  Words mask;  // floats
  Longs cells;
  int width, height;
  int mask_width, mask_height;
  int columns, rows, step;
  float inverse;  // 1 / (255 step step)
  vec2 scale, offset;  // texel of the mask = pixel of the frame * scale + offset
} pc;

void main() {
  int column = int(gl_GlobalInvocationID.x), row = int(gl_GlobalInvocationID.y);
  int width = pc.width, height = pc.height, step = pc.step;
  Words frame = pc.frame, mask = pc.mask;
  ivec3 sum = ivec3(0);
  for (int y = 0; y < step; ++y) {
    int start = min(row * step + y, height - 1) * width;
    for (int x = 0; x < step; ++x) {
      uint pixel = frame.v[start + min(column * step + x, width - 1)];
      sum += ivec3(int(pixel & 255u), int((pixel >> 8) & 255u), int((pixel >> 16) & 255u));
    }
  }
  vec2 position = (vec2(float(column), float(row)) + 0.5) * float(step) * pc.scale + pc.offset - 0.5;
  position = clamp(position, vec2(0.0), vec2(float(pc.mask_width - 1), float(pc.mask_height - 1)));
  vec2 whole = floor(position), part = position - whole;
  int x0 = int_of(whole.x), x1 = min(x0 + 1, pc.mask_width - 1);
  int y0 = int_of(whole.y) * pc.mask_width, y1 = min(int_of(whole.y) + 1, pc.mask_height - 1) * pc.mask_width;
  float upper = mix(uintBitsToFloat(mask.v[y0 + x0]), uintBitsToFloat(mask.v[y0 + x1]), part.x);
  float lower = mix(uintBitsToFloat(mask.v[y1 + x0]), uintBitsToFloat(mask.v[y1 + x1]), part.x);
  if (column < pc.columns && row < pc.rows) {
    pc.cells.v[row * pc.columns + column] = pack_halves(vec4(vec3(sum) * pc.inverse, mix(upper, lower, part.y)));
  }
}
