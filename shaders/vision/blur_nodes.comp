// Third pass of vision::RegionBlur: the colour at each node of a region. Cells are spread by a quadratic B-spline, which
// leaves no edge between them, and the two levels beside the one that is wanted are mixed, so that nothing jumps while
// somebody comes nearer.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "blur.glsl"

layout(local_size_x = 64) in;

layout(push_constant, std430) uniform Push {
  Words nodes;
  Vectors cells;   // of all levels, one behind the other
  Vectors colors;  // of the nodes
  uint columns, count;      // of the nodes
  uint cell_columns, cell_rows;  // of the finest level
} pc;

struct Level {
  uint first, columns, rows;
};

Level coarser(Level level) {
  return Level(level.first + level.columns * level.rows, (level.columns + 1u) / 2u, (level.rows + 1u) / 2u);
}

vec3 weights(float away) {
  return vec3(0.5 * (0.5 - away) * (0.5 - away), 0.75 - away * away, 0.5 * (0.5 + away) * (0.5 + away));
}

/// `at`: in cells, whole numbers between them.
vec3 spread(Level level, vec2 at) {
  vec2 nearest = min(floor(at), vec2(level.columns - 1u, level.rows - 1u));
  vec2 away = at - 0.5 - nearest;
  vec3 across = weights(away.x), down = weights(away.y);
  ivec2 centre = ivec2(nearest);
  vec4 sum = vec4(0.0);
  for (int y = 0; y < 3; ++y) {
    int row = centre.y + y - 1;
    if (row < 0 || row >= int(level.rows)) continue;
    for (int x = 0; x < 3; ++x) {
      int column = centre.x + x - 1;
      if (column < 0 || column >= int(level.columns)) continue;
      sum += across[x] * down[y] * pc.cells.v[level.first + uint(row) * level.columns + uint(column)];
    }
  }
  return sum.rgb / sum.a;
}

void main() {
  uint node = gl_GlobalInvocationID.x;
  if (node >= pc.count) return;
  uint kept = pc.nodes.v[node];
  if (kept == 0u) return;
  float wanted = float(kept - 1u) * kLevelStep;
  vec2 at = vec2(node % pc.columns, node / pc.columns);
  Level level = Level(0u, pc.cell_columns, pc.cell_rows);
  for (; wanted >= 1.0; wanted -= 1.0) {
    level = coarser(level);
    at *= 0.5;
  }
  vec3 color = spread(level, at);
  if (wanted > 0.0) color = mix(color, spread(coarser(level), at * 0.5), wanted);
  pc.colors.v[node] = vec4(color, 0.0);
}
