#version 460
#extension GL_GOOGLE_include_directive : require
// LinearAttention; engine/kernels/linear_attention.cpp. A lane owns a column of the state of a head.
#include "tensor.glsl"

layout(local_size_x = 16) in;
layout(constant_id = 0) const uint kPast = 0u;    // the state does not begin with zeros
layout(constant_id = 1) const uint kOutput = 1u;  // somebody reads more than the state

layout(push_constant, std430) uniform Push {
  uint64_t query, key, value, past, decay, beta, target, state;
  uint columns, steps, heads, group, keys, values;
  uint decays;  // of a head: 0 (none), 1 or `keys`
  uint betas;   // 0 (no delta rule), 1 or `heads`
  float scale;
  uint reserved;
} pc;

void main() {
  const uint column = flat_group() * 16u + gl_LocalInvocationID.x;
  if (column >= pc.columns) return;
  const uint slot = column / pc.values, m = column - slot * pc.values;
  const uint batch = slot / pc.heads, head = slot - batch * pc.heads;
  const uint first = slot * pc.keys * pc.values + m;
  for (uint i = 0u; i < pc.keys; ++i) {
    const uint at = first + i * pc.values;
    store_float(pc.state, at, kPast != 0u ? load_float(pc.past, at) : 0.0);
  }
  for (uint t = 0u; t < pc.steps; ++t) {
    const uint token = batch * pc.steps + t, place = token * pc.heads + head;
    const uint key = place * pc.keys;
    float factor = pc.decays == 1u ? exp(load_float(pc.decay, place)) : 1.0;
    float update = load_float(pc.value, place * pc.values + m);
    if (pc.betas != 0u) {
      float seen = 0.0;
      for (uint i = 0u; i < pc.keys; ++i) {
        if (pc.decays > 1u) factor = exp(load_float(pc.decay, key + i));
        seen += load_float(pc.state, first + i * pc.values) * factor * load_float(pc.key, key + i);
      }
      update = load_float(pc.beta, token * pc.betas + (pc.betas == 1u ? 0u : head)) * (update - seen);
    }
    for (uint i = 0u; i < pc.keys; ++i) {
      if (pc.decays > 1u) factor = exp(load_float(pc.decay, key + i));
      const uint at = first + i * pc.values;
      store_float(pc.state, at, load_float(pc.state, at) * factor + load_float(pc.key, key + i) * update);
    }
    if (kOutput == 0u) continue;
    for (uint g = 0u; g < pc.group; ++g) {
      const uint reader = place * pc.group + g;
      float sum = 0.0;
      for (uint i = 0u; i < pc.keys; ++i)
        sum += load_float(pc.state, first + i * pc.values) * load_float(pc.query, reader * pc.keys + i);
      store_float(pc.target, reader * pc.values + m, pc.scale * sum);
    }
  }
}
