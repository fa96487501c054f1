// Guided filter, second half: the windows' functions averaged. Also what a blur of the background gathers from each
// cell: its colour in linear light (gamma 2, so that a lamp's disc is as bright as the lamp) times how surely it is
// background, and that weight.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "matte.glsl"

layout(local_size_x = 64) in;

layout(push_constant, std430) uniform Push {
  Longs cells;
  Longs fitted;
  Longs averaged;
  Longs samples;  // four numbers of 16 bits, 0..1023
  int columns, rows;
} pc;

void main() {
  int column = int(gl_GlobalInvocationID.x), row = int(gl_GlobalInvocationID.y);
  int columns = pc.columns, rows = pc.rows;
  Longs cells = pc.cells, fitted = pc.fitted;
  vec4 mean = vec4(0.0), around[9];
  [[unroll]] for (int i = 0; i < 9; ++i) {
    int at = clamp(row + i / 3 - 1, 0, rows - 1) * columns + clamp(column + i % 3 - 1, 0, columns - 1);
    mean += load_halves(fitted, at) * (1.0 / 9.0);
    around[i] = load_halves(cells, at);
  }
  // Neither a cell of the person nor one beside it: the lens mixes colours over an edge.
  float person = 0.0;
  [[unroll]] for (int i = 0; i < 9; ++i) {
    person = max(person, max(dot(mean.xyz, around[i].xyz) + mean.w, around[i].w));
  }
  float weight = 1.0 - smoothstep(0.15, 0.45, person);
  vec3 light = around[4].xyz * around[4].xyz;
  vec4 whole = floor(vec4(light * weight, weight) * 1023.0 + 0.5);
  if (column < columns && row < rows) {
    pc.averaged.v[row * columns + column] = pack_halves(mean);
    pc.samples.v[row * columns + column] =
        packUint2x32(uvec2(uint(int_of(whole.x)) | (uint(int_of(whole.y)) << 16),
                           uint(int_of(whole.z)) | (uint(int_of(whole.w)) << 16)));
  }
}
