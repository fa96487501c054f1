// The frame averaged over each cell of the matte's grid, with the mask at the cell's middle: what the guided filter
// works on, four halves (blue, green, red, mask).
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "matte.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const int kStep = 4;
layout(constant_id = 1) const bool kPairs = false;  // kStep and width are even: two pixels a load

layout(push_constant, std430) uniform Push {
  Words frame;
  Words mask;  // floats
  Longs cells;
  int width, height;
  int mask_width, mask_height;
  int columns, rows;
  vec2 scale, offset;  // texel of the mask = pixel of the frame * scale + offset
} pc;

ivec3 colour_of(uint pixel) { return ivec3(int(pixel & 255u), int((pixel >> 8) & 255u), int((pixel >> 16) & 255u)); }

void main() {
  int column = int(gl_GlobalInvocationID.x), row = int(gl_GlobalInvocationID.y);
  int width = pc.width, height = pc.height;
  Words frame = pc.frame, mask = pc.mask;
  ivec3 sum = ivec3(0);
  for (int y = 0; y < kStep; ++y) {
    int start = min(row * kStep + y, height - 1) * width;
    if (kPairs) {
      [[unroll]] for (int x = 0; x < kStep; x += 2) {
        uvec2 two = unpackUint2x32(Longs(frame).v[(start + min(column * kStep + x, width - 2)) >> 1]);
        sum += colour_of(two.x) + colour_of(two.y);
      }
    } else {
      [[unroll]] for (int x = 0; x < kStep; ++x) sum += colour_of(frame.v[start + min(column * kStep + x, width - 1)]);
    }
  }
  const float inverse = 1.0 / float(255 * kStep * kStep);
  vec2 position = (vec2(float(column), float(row)) + 0.5) * float(kStep) * pc.scale + pc.offset - 0.5;
  position = clamp(position, vec2(0.0), vec2(float(pc.mask_width - 1), float(pc.mask_height - 1)));
  vec2 whole = floor(position), part = position - whole;
  int x0 = int_of(whole.x), x1 = min(x0 + 1, pc.mask_width - 1);
  int y0 = int_of(whole.y) * pc.mask_width, y1 = min(int_of(whole.y) + 1, pc.mask_height - 1) * pc.mask_width;
  float upper = mix(uintBitsToFloat(mask.v[y0 + x0]), uintBitsToFloat(mask.v[y0 + x1]), part.x);
  float lower = mix(uintBitsToFloat(mask.v[y1 + x0]), uintBitsToFloat(mask.v[y1 + x1]), part.x);
  if (column < pc.columns && row < pc.rows) {
    pc.cells.v[row * pc.columns + column] = pack_halves(vec4(vec3(sum) * inverse, mix(upper, lower, part.y)));
  }
}
