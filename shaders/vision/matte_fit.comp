// Guided filter, first half: in the window around each cell the linear function of the colour that comes nearest to the
// mask there (He & Sun 2015). Output: its three slopes and its offset.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "matte.glsl"

layout(local_size_x = 64) in;
const int kRadius = 3;  // of the window, cells
const int kRun = 8;     // cells that an invocation makes, one below the other: the window slides and is not summed anew

layout(push_constant, std430) uniform Push {
  Longs cells;
  Longs fitted;
  int columns, rows;
  float regularisation;  // variance of a colour below which it is noise
} pc;

struct Moments {
  vec4 sum;     // colour, mask
  vec3 square;  // bb, gg, rr
  vec3 cross_;  // bg, br, gr
  vec3 mask;    // colour times mask
};

void add_row(inout Moments m, Longs cells, int start, int column, int last, float sign) {
  for (int dx = -kRadius; dx <= kRadius; ++dx) {
    vec4 c = load_halves(cells, start + clamp(column + dx, 0, last));
    vec4 s = c * sign;
    m.sum += s;
    m.square += s.xyz * c.xyz;
    m.cross_ += s.xxy * c.yzz;
    m.mask += s.xyz * c.w;
  }
}

vec4 solve(Moments m) {
  float inverse = 1.0 / float((2 * kRadius + 1) * (2 * kRadius + 1));
  vec4 mean = m.sum * inverse;
  vec3 covariance = m.mask * inverse - mean.xyz * mean.w;
  vec3 d = m.square * inverse - mean.xyz * mean.xyz + pc.regularisation;
  vec3 o = m.cross_ * inverse - mean.xxy * mean.yzz;
  // Inverse of the symmetric matrix d.x o.x o.y / o.x d.y o.z / o.y o.z d.z by its cofactors.
  vec3 diagonal = d.yxx * d.zzy - o.zyx * o.zyx;
  vec3 beside = vec3(o.y * o.z - o.x * d.z, o.x * o.z - o.y * d.y, o.x * o.y - o.z * d.x);
  float determinant = max(d.x * diagonal.x + o.x * beside.x + o.y * beside.y, 1e-12);
  vec3 slope = vec3(dot(vec3(diagonal.x, beside.x, beside.y), covariance),
                    dot(vec3(beside.x, diagonal.y, beside.z), covariance),
                    dot(vec3(beside.y, beside.z, diagonal.z), covariance)) /
               determinant;
  return vec4(slope, mean.w - dot(slope, mean.xyz));
}

void main() {
  int column = int(gl_GlobalInvocationID.x), first = int(gl_GlobalInvocationID.y) * kRun;
  int columns = pc.columns, rows = pc.rows;
  Longs cells = pc.cells;
  Moments m = Moments(vec4(0.0), vec3(0.0), vec3(0.0), vec3(0.0));
  for (int dy = -kRadius; dy < kRadius; ++dy) {
    add_row(m, cells, clamp(first + dy, 0, rows - 1) * columns, column, columns - 1, 1.0);
  }
  for (int i = 0; i < kRun; ++i) {
    int row = first + i;
    add_row(m, cells, clamp(row + kRadius, 0, rows - 1) * columns, column, columns - 1, 1.0);
    vec4 fitted = solve(m);
    if (column < columns && row < rows) pc.fitted.v[row * columns + column] = pack_halves(fitted);
    add_row(m, cells, clamp(row - kRadius, 0, rows - 1) * columns, column, columns - 1, -1.0);
  }
}
