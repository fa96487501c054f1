// What the passes of a matte share (engine/vision/matte.hpp): its grid has one cell for each block of `step` x `step`
// pixels of the frame.
#ifndef TARSIER_MATTE
#define TARSIER_MATTE
#include "vision_types.glsl"

// Four halves, one load: what a load costs on the software device hardly depends on its size.
vec4 load_halves(Longs at, int index) {
  uvec2 words = unpackUint2x32(at.v[index]);
  return vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y));
}
uint64_t pack_halves(vec4 v) { return packUint2x32(uvec2(packHalf2x16(v.xy), packHalf2x16(v.zw))); }

// Blue, green and red of a pixel in 0..255.
vec3 bgr_of(uint pixel) {
  return vec3(ivec3(int(pixel & 255u), int((pixel >> 8) & 255u), int((pixel >> 16) & 255u)));
}
uint pixel_of(vec3 bgr) {  // of 0..255
  vec3 whole = floor(bgr + 0.5);
  return uint(int_of(whole.x)) | (uint(int_of(whole.y)) << 8) | (uint(int_of(whole.z)) << 16) | 0xFF000000u;
}

// A pass over the frame's pixels goes by blocks of step x step between the middles of four cells: what those hold is
// loaded once for all of them. One block for each invocation, one more each way than there are cells.
struct Block {
  int corners[4];      // the cells: above left, above right, below left, below right
  int first_x, first_y;  // pixel
  float across, down;    // where its middle is between those of the cells
};
Block block_at(int column, int row, int columns, int rows, int step) {
  int left = clamp(column - 1, 0, columns - 1), right = min(column, columns - 1);
  int above = max(row - 1, 0) * columns, below = min(row, rows - 1) * columns;
  int half_step = (step + 1) / 2;
  int first_x = step * column - half_step, first_y = step * row - half_step;
  float inverse = 1.0 / float(step);
  return Block(int[](above + left, above + right, below + left, below + right), first_x, first_y,
               (float(first_x) + 0.5) * inverse - (float(column) - 0.5),
               (float(first_y) + 0.5) * inverse - (float(row) - 0.5));
}

// The linear model's value as a coverage. A window that also sees what the model cannot tell apart leaves a haze, which
// the ends of the range swallow.
float coverage_of(float value) { return smoothstep(0.1, 0.9, value); }
#endif
