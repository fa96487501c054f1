// Third pass of vision::RegionBlur, one workgroup: cells of twice the size, again and again, until one is left. They are
// few, and a dispatch for each level would take longer than its work.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "blur.glsl"

layout(local_size_x_id = 0) in;

layout(buffer_reference, std430, buffer_reference_align = 16) coherent buffer Cells { vec4 v[]; };

layout(push_constant, std430) uniform Push {
  Regions regions;
  Cells cells;          // of all levels, one behind the other
  uint columns, rows;   // of the finest level
} pc;

void main() {
  if (pc.regions.count == 0u) return;
  uint source = 0u, columns = pc.columns, rows = pc.rows;
  while (columns > 1u || rows > 1u) {
    uint first = source + columns * rows, across = (columns + 1u) / 2u, down = (rows + 1u) / 2u;
    for (uint cell = gl_LocalInvocationID.x; cell < across * down; cell += gl_WorkGroupSize.x) {
      uvec2 at = 2u * uvec2(cell % across, cell / across);
      uint from = source + at.y * columns + at.x;
      bool right = at.x + 1u < columns, below = at.y + 1u < rows;
      vec4 sum = pc.cells.v[from];
      if (right) sum += pc.cells.v[from + 1u];
      if (below) sum += pc.cells.v[from + columns];
      if (right && below) sum += pc.cells.v[from + columns + 1u];
      pc.cells.v[first + cell] = sum;
    }
    source = first;
    columns = across;
    rows = down;
    memoryBarrierBuffer();
    barrier();
  }
}
