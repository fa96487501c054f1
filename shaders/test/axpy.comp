// y[i] = a * x[i] + w0[i] + w1[i] + bias, with w0 and w1 in the first two weight windows: what tests/gpu needs to
// see dispatch, addresses, push constants, specialisation and the windows at work.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

layout(local_size_x = 64) in;
layout(constant_id = 0) const float kBias = 0.0;

layout(buffer_reference, std430, buffer_reference_align = 4) buffer Floats { float values[]; };
layout(set = 0, binding = 0, std140) uniform Window { vec4 w[16]; } window[12];
layout(push_constant, std430) uniform Push {
  Floats x;
  Floats y;
  float a;
  uint count;
};

void main() {
  const uint i = gl_GlobalInvocationID.x;
  if (i >= count) return;
  y.values[i] = a * x.values[i] + window[0].w[(i / 4) % 16][i % 4] + window[1].w[(i / 4) % 16][i % 4] + kBias;
}
