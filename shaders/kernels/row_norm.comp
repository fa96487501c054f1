#version 460
#extension GL_GOOGLE_include_directive : require
// Normalisation of rows; engine/kernels/normalize.cpp. A row is a lane's, or all lanes' of a workgroup. The
// deviations are taken from the mean in a second walk: one walk would cancel where the mean is large.
#include "tensor.glsl"

layout(local_size_x_id = 4) in;
layout(constant_id = 0) const uint kRms = 0u;         // no mean is taken off
layout(constant_id = 1) const uint kQuads = 0u;       // four elements a step
layout(constant_id = 2) const uint kInnerOne = 1u;    // a scale for each element
layout(constant_id = 3) const uint kParameters = 3u;  // 1 scale, 2 bias; 4 mean, 8 1 / deviation are written
layout(constant_id = 4) const uint kWidth = 64u;
layout(constant_id = 5) const uint kTogether = 0u;

layout(push_constant, std430) uniform Push {
  uint64_t source, target, scale, bias, mean, deviation;
  uint rows, extent, groups, per_group, inner, magic, shift;
  float epsilon;
} pc;

shared float parts[kWidth];

float over_lanes(float x) {
  if (kTogether == 0u) return x;
  parts[gl_LocalInvocationID.x] = x;
  barrier();
  float sum = 0.0;
  for (uint i = 0u; i < kWidth; ++i) sum += parts[i];
  barrier();
  return sum;
}

vec4 load_quad(uint64_t base, uint index) { return uintBitsToFloat(load_words(base, index)); }

void main() {
  const uint row = kTogether != 0u ? flat_group() : flat_group() * kWidth + gl_LocalInvocationID.x;
  if (row >= pc.rows) return;
  const uint lane = kTogether != 0u ? gl_LocalInvocationID.x : 0u, step = kTogether != 0u ? kWidth : 1u;
  const uint steps = kQuads != 0u ? pc.extent / 4u : pc.extent;
  const uint64_t source = pc.source + uint64_t(row * pc.extent) * 4ul;
  const uint64_t target = pc.target + uint64_t(row * pc.extent) * 4ul;
  float mean = 0.0;
  if (kRms == 0u) {
    vec4 sum = vec4(0.0);
    for (uint j = lane; j < steps; j += step) {
      if (kQuads != 0u) sum += load_quad(source, j);
      else sum.x += load_float(source, j);
    }
    mean = over_lanes((sum.x + sum.y) + (sum.z + sum.w)) / float(pc.extent);
  }
  vec4 squares = vec4(0.0);
  for (uint j = lane; j < steps; j += step) {
    if (kQuads != 0u) {
      const vec4 x = load_quad(source, j) - mean;
      squares += x * x;
    } else {
      const float x = load_float(source, j) - mean;
      squares.x += x * x;
    }
  }
  const float variance = over_lanes((squares.x + squares.y) + (squares.z + squares.w)) / float(pc.extent);
  const float factor = 1.0 / sqrt(variance + pc.epsilon);
  if (lane == 0u) {
    if ((kParameters & 4u) != 0u) store_float(pc.mean, row, mean);
    if ((kParameters & 8u) != 0u) store_float(pc.deviation, row, factor);
  }
  const uint first = (row % pc.groups) * pc.per_group;
  for (uint j = lane; j < steps; j += step) {
    if (kQuads != 0u) {
      vec4 scale = vec4(1.0), bias = vec4(0.0);
      if (kInnerOne != 0u) {
        // Rows are made of fours, and so is a group's first scale.
        if ((kParameters & 1u) != 0u) scale = load_quad(pc.scale, first / 4u + j);
        if ((kParameters & 2u) != 0u) bias = load_quad(pc.bias, first / 4u + j);
      } else {
        const uint c = first + fast_divide(j * 4u, pc.magic, pc.shift);
        if ((kParameters & 1u) != 0u) scale = vec4(load_float(pc.scale, c));
        if ((kParameters & 2u) != 0u) bias = vec4(load_float(pc.bias, c));
      }
      store_words(target, j, floatBitsToUint((load_quad(source, j) - mean) * factor * scale + bias));
    } else {
      const uint c = first + (kInnerOne != 0u ? j : fast_divide(j, pc.magic, pc.shift));
      const float scale = (kParameters & 1u) != 0u ? load_float(pc.scale, c) : 1.0;
      const float bias = (kParameters & 2u) != 0u ? load_float(pc.bias, c) : 0.0;
      store_float(target, j, (load_float(source, j) - mean) * factor * scale + bias);
    }
  }
}
