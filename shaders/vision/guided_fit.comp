// Guided filter, first half: in the window around each cell, channel by channel, the linear function of the frame that
// comes nearest to the network's picture. Where the frame is plain, its slope is the ratio of their brightness: what is
// fine and faint is then lightened with the rest.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "matte.glsl"

layout(local_size_x = 64) in;
const int kRadius = 4;  // of the window, cells
const int kRun = 8;     // cells that an invocation makes, one below the other: the window slides and is not summed anew

layout(push_constant, std430) uniform Push {
  Longs cells;
  Longs fitted;
  int columns, rows;
  float regularisation;
} pc;

struct Moments {
  vec3 frame, picture, square, product;
};

void add_row(inout Moments m, Longs cells, int start, int column, int last, float sign) {
  for (int dx = -kRadius; dx <= kRadius; ++dx) {
    int cell = 2 * (start + clamp(column + dx, 0, last));
    vec3 frame = load_halves(cells, cell).xyz, picture = load_halves(cells, cell + 1).xyz;
    m.frame += sign * frame;
    m.picture += sign * picture;
    m.square += sign * frame * frame;
    m.product += sign * frame * picture;
  }
}

void main() {
  int column = int(gl_GlobalInvocationID.x), first = int(gl_GlobalInvocationID.y) * kRun;
  int columns = pc.columns, rows = pc.rows;
  Longs cells = pc.cells;
  const float inverse = 1.0 / float((2 * kRadius + 1) * (2 * kRadius + 1));
  Moments m = Moments(vec3(0.0), vec3(0.0), vec3(0.0), vec3(0.0));
  for (int dy = -kRadius; dy < kRadius; ++dy) {
    add_row(m, cells, clamp(first + dy, 0, rows - 1) * columns, column, columns - 1, 1.0);
  }
  for (int i = 0; i < kRun; ++i) {
    int row = first + i;
    add_row(m, cells, clamp(row + kRadius, 0, rows - 1) * columns, column, columns - 1, 1.0);
    vec3 frame = m.frame * inverse, picture = m.picture * inverse;
    vec3 variance = max(m.square * inverse - frame * frame, 0.0);
    vec3 covariance = m.product * inverse - frame * picture;
    vec3 ratio = min(picture / (frame + 1.0 / 255.0), 12.0);
    vec3 slope = clamp((covariance + pc.regularisation * ratio) / (variance + pc.regularisation), 0.0, 16.0);
    if (column < columns && row < rows) {
      int cell = 2 * (row * columns + column);
      pc.fitted.v[cell] = pack_halves(vec4(slope, 0.0));
      pc.fitted.v[cell + 1] = pack_halves(vec4(picture - slope * frame, 0.0));
    }
    add_row(m, cells, clamp(row - kRadius, 0, rows - 1) * columns, column, columns - 1, -1.0);
  }
}
