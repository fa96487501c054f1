#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
// The device's fp32 peak: independent chains of multiply and add in every lane. How many chains and how many steps a
// round are best depends on registers, instruction caches and the driver's scheduler: the host takes the best form.
// engine/app/device_peaks.cpp.

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kSteps = 16u;   // a round: 4, 8 or 16
layout(constant_id = 1) const uint kVectors = 3u;  // of four chains each: 2 or 3
layout(buffer_reference, std430, buffer_reference_align = 4) buffer FloatRef { float v; };
layout(push_constant, std430) uniform Push {
  uint64_t target;
  uint rounds;
  float factor, term;
} pc;

// Written out, because arrays and loops that a compiler leaves rolled go through memory.
#define STEP                      \
  a = a * pc.factor + pc.term;    \
  b = b * pc.factor + pc.term;    \
  if (kVectors > 2u) c = c * pc.factor + pc.term;
#define STEPS4 STEP STEP STEP STEP

void main() {
  const float lane = float(gl_LocalInvocationID.x);
  vec4 a = vec4(0.0, 1.0, 2.0, 3.0) + lane, b = a + 4.0, c = a + 8.0;
  for (uint round = 0u; round < pc.rounds; ++round) {
    STEPS4
    if (kSteps > 4u) { STEPS4 }
    if (kSteps > 8u) { STEPS4 STEPS4 }
  }
  const vec4 sums = a + b + c;
  // Never true, which no compiler can know.
  if (sums.x + sums.y + sums.z + sums.w == pc.factor) FloatRef(pc.target).v = sums.x;
}
