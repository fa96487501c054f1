// Guided filter, second half: the windows' functions averaged, and over time, so that the light does not flicker.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "matte.glsl"

layout(local_size_x = 64) in;

layout(push_constant, std430) uniform Push {
  Longs fitted;
  Longs averaged;
  int columns, rows;
  float follow;
} pc;

void main() {
  int column = int(gl_GlobalInvocationID.x), row = int(gl_GlobalInvocationID.y);
  int columns = pc.columns, rows = pc.rows;
  Longs fitted = pc.fitted, averaged = pc.averaged;
  vec4 slope = vec4(0.0), offset = vec4(0.0);
  [[unroll]] for (int i = 0; i < 9; ++i) {
    int at = clamp(row + i / 3 - 1, 0, rows - 1) * columns + clamp(column + i % 3 - 1, 0, columns - 1);
    slope += load_halves(fitted, 2 * at) * (1.0 / 9.0);
    offset += load_halves(fitted, 2 * at + 1) * (1.0 / 9.0);
  }
  if (column >= columns || row >= rows) return;
  int cell = 2 * (row * columns + column);
  if (pc.follow < 1.0) {  // else there may be nothing yet
    slope = mix(load_halves(averaged, cell), slope, pc.follow);
    offset = mix(load_halves(averaged, cell + 1), offset, pc.follow);
  }
  averaged.v[cell] = pack_halves(slope);
  averaged.v[cell + 1] = pack_halves(offset);
}
