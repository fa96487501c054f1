#version 460
#extension GL_GOOGLE_include_directive : require
// Col2Im; engine/kernels/rearrange.cpp. A lane sums what all blocks hold of one pixel.
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kAxes = 2u;  // up to 4

layout(push_constant, std430) uniform Push {
  uint64_t source, target, table;
  uint count, blocks, block;
} pc;

int field(uint axis, uint which) { return load_int(pc.table, axis * 6u + which); }

void main() {
  const uint i = flat_group() * 64u + gl_LocalInvocationID.x;
  if (i >= pc.count) return;
  int pixel[4];
  uint rest = i;
  for (uint d = kAxes; d-- > 0u;) {
    const uint extent = uint(field(d, 0u));
    pixel[d] = int(rest % extent);
    rest /= extent;
  }
  const uint plane = rest;
  float sum = 0.0;
  for (uint k = 0u; k < pc.block; ++k) {
    // The block whose element k lies on the pixel.
    uint taps = k, block = 0u, step = 1u;
    bool meets = true;
    for (uint d = kAxes; d-- > 0u;) {
      const int kernel = field(d, 1u), stride = field(d, 2u), blocks = field(d, 5u);
      const int start = pixel[d] + field(d, 4u) - int(taps % uint(kernel)) * field(d, 3u);
      taps /= uint(kernel);
      const int index = start / stride;
      meets = meets && start >= 0 && index * stride == start && index < blocks;
      block += uint(clamp(index, 0, blocks - 1)) * step;
      step *= uint(blocks);
    }
    const float value = load_float(pc.source, (plane * pc.block + k) * pc.blocks + block);
    sum += meets ? value : 0.0;
  }
  store_float(pc.target, i, sum);
}
