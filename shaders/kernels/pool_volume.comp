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
  uint64_t source, target, indices, table;
  uint count;
  float p;
} pc;

struct Axis { int kernel, stride, dilation, before, after, extent, outputs; };

Axis axis_of(uint a) {
  int v[7];
  for (uint i = 0u; i < 7u; ++i) v[i] = load_int(pc.table, a * 7u + i);
  return Axis(v[0], v[1], v[2], v[3], v[4], v[5], v[6]);
}

void main() {
  const uint item = flat_group() * 64u + gl_LocalInvocationID.x;
  if (item >= pc.count) return;
  const Axis az = axis_of(0u), ay = axis_of(1u), ax = axis_of(2u);
  const uint line = item / uint(ax.outputs), sheet = line / uint(ay.outputs), plane = sheet / uint(az.outputs);
  const ivec3 origin = ivec3(int(item % uint(ax.outputs)) * ax.stride - ax.before,
                             int(line % uint(ay.outputs)) * ay.stride - ay.before,
                             int(sheet % uint(az.outputs)) * az.stride - az.before);
  const int volume = ax.extent * ay.extent * az.extent;
  const uint base = plane * uint(volume);
  float best = uintBitsToFloat(0xFF800000u), sum = 0.0, counted = 0.0;
  int best_integer = int(0x80000000u), where = 0;
  bool found = false;
  for (int kz = 0; kz < az.kernel; ++kz) {
    const int z = origin.z + kz * az.dilation;
    for (int ky = 0; ky < ay.kernel; ++ky) {
      const int y = origin.y + ky * ay.dilation;
      for (int kx = 0; kx < ax.kernel; ++kx) {
        const int x = origin.x + kx * ax.dilation;
        const bool inside = z >= 0 && y >= 0 && x >= 0 && z < az.extent && y < ay.extent && x < ax.extent;
        const int at = (z * ay.extent + y) * ax.extent + x;
        if (kMode == 2u) {
          const bool padded = z < az.extent + az.after && y < ay.extent + ay.after && x < ax.extent + ax.after;
          counted += padded ? 1.0 : 0.0;
        } else {
          counted += inside ? 1.0 : 0.0;
        }
        // Loads are clamped into the tensor, what lies outside is not taken.
        const uint word = load_word(pc.source, base + uint(inside ? at : 0));
        if (kMode == 0u) {
          const bool better = inside && (kInteger != 0u ? int(word) > best_integer || !found
                                                        : uintBitsToFloat(word) > best);
          best = better ? uintBitsToFloat(word) : best;
          best_integer = better ? int(word) : best_integer;
          found = found || inside;
          const int place = kColumns != 0u ? z + az.extent * (y + ay.extent * x) : at;
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
