#version 460
#extension GL_GOOGLE_include_directive : require
// Pooling of row-major tensors over three spatial axes; engine/kernels/pool_volume.cpp. One lane owns one output.
#include "tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kMode = 0u;  // 0 max, 1 average of what is inside, 2 average with padding, 3 Lp
layout(constant_id = 1) const uint kInteger = 0u;
layout(constant_id = 2) const uint kIndices = 0u;
layout(constant_id = 3) const uint kColumns = 0u;  // indices in column-major order

layout(push_constant, std430) uniform Push {
  uint64_t source, target, indices;
  uint count;
  float p;
  int kernel[3], stride[3], dilation[3], before[3], after[3], extent[3], outputs[3];  // z, y, x
} pc;

void main() {
  const uint item = flat_group() * 64u + gl_LocalInvocationID.x;
  if (item >= pc.count) return;
  const uint line = item / uint(pc.outputs[2]), sheet = line / uint(pc.outputs[1]), plane = sheet / uint(pc.outputs[0]);
  const ivec3 place = ivec3(sheet - plane * uint(pc.outputs[0]), line - sheet * uint(pc.outputs[1]),
                            item - line * uint(pc.outputs[2]));
  const ivec3 size = ivec3(pc.extent[0], pc.extent[1], pc.extent[2]);
  const ivec3 padded = size + ivec3(pc.after[0], pc.after[1], pc.after[2]);
  const ivec3 origin = place * ivec3(pc.stride[0], pc.stride[1], pc.stride[2]) -
                       ivec3(pc.before[0], pc.before[1], pc.before[2]);
  const uint base = plane * uint(size.x * size.y * size.z);
  float best = uintBitsToFloat(0xFF800000u), sum = 0.0, counted = 0.0;
  int best_integer = int(0x80000000u), where = 0;
  bool found = false;
  for (int kz = 0; kz < pc.kernel[0]; ++kz) {
    const int z = origin.x + kz * pc.dilation[0];
    const bool inside_z = z >= 0 && z < size.x;
    for (int ky = 0; ky < pc.kernel[1]; ++ky) {
      const int y = origin.y + ky * pc.dilation[1];
      const bool inside_y = inside_z && y >= 0 && y < size.y, padded_y = z < padded.x && y < padded.y;
      const int row = (z * size.y + y) * size.z;
      for (int kx = 0; kx < pc.kernel[2]; ++kx) {
        const int x = origin.z + kx * pc.dilation[2];
        const bool inside = inside_y && x >= 0 && x < size.z;
        const int at = row + x;
        const bool counts = kMode == 2u ? padded_y && x < padded.z : inside;
        counted += counts ? 1.0 : 0.0;
        // Loads are clamped into the tensor, what lies outside is not taken.
        const uint word = load_word(pc.source, base + uint(inside ? at : 0));
        if (kMode == 0u) {
          const bool better = inside && (kInteger != 0u ? int(word) > best_integer || !found
                                                        : uintBitsToFloat(word) > best);
          best = better ? uintBitsToFloat(word) : best;
          best_integer = better ? int(word) : best_integer;
          found = found || inside;
          const int place = kColumns != 0u ? z + size.x * (y + size.y * x) : at;
          where = better ? place : where;
        } else {
          const float value = uintBitsToFloat(word);
          const float term = kMode == 3u ? (pc.p == 2.0 ? value * value : pc.p == 1.0 ? abs(value) : pow(abs(value), pc.p)) : value;
          sum += inside ? term : 0.0;
        }
      }
    }
  }
  if (kIndices != 0u) store_word(pc.indices, item, uint(int(base) + where));
  if (kMode == 0u) {
    store_word(pc.target, item, kInteger != 0u ? uint(best_integer) : floatBitsToUint(best));
  } else if (kMode == 3u) {
    store_float(pc.target, item, pc.p == 2.0 ? sqrt(sum) : pc.p == 1.0 ? sum : pow(sum, 1.0 / pc.p));
  } else {
    store_float(pc.target, item, sum / max(counted, 1.0));
  }
}
