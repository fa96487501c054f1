// How near each pixel is, a byte: 0 at the range's lower end, 255 at its upper one.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "depth.glsl"

layout(local_size_x = 64) in;

void main() {
  uint word = gl_GlobalInvocationID.x, pixels = pc.pixels;
  float low = uintBitsToFloat(pc.range.v[0]), high = uintBitsToFloat(pc.range.v[1]);
  float scale = 1.0 / max(high - low, 1e-20);
  uint packed = 0u;
  [[unroll]] for (uint k = 0u; k < 4u; ++k) {
    float near = (inverse_depth(min(4u * word + k, pixels - 1u)) - low) * scale;
    packed |= uint(int_of(floor(clamp(near, 0.0, 1.0) * 255.0 + 0.5))) << (8u * k);
  }
  if (4u * word < pixels) pc.bytes.v[word] = packed;
}
