#version 460
#extension GL_GOOGLE_include_directive : require
// RNN, GRU or LSTM, one step or all; engine/kernels/recurrent_steps.cpp. A lane owns one unit of one sample of one
// direction in a step: its products with the last state, its gates and its new state.
#include "tensor.glsl"

layout(local_size_x_id = 4) in;
layout(constant_id = 0) const uint kCell = 0u;   // 0 RNN, 1 GRU, 2 LSTM
layout(constant_id = 1) const uint kPhase = 0u;  // of walk(); with kSequence 1 stands for 1 and 2
layout(constant_id = 2) const uint kFunctions = 0u;  // [direction][3], four bits each
// 1: lengths, 2: peepholes, 4: clip, 8: forget = 1 - in, 16: bias inside of the reset, 32: y is wanted
layout(constant_id = 3) const uint kFlags = 0u;
layout(constant_id = 4) const uint kWidth = 64u;
layout(constant_id = 5) const uint kWhole = 0u;     // units are a multiple of four
layout(constant_id = 6) const uint kSequence = 0u;  // a workgroup walks all steps of its sample and direction

layout(push_constant, std430) uniform Push {
  uint64_t projected, weights, bias, lengths, peepholes, parameters;
  uint64_t h_in, h_out, c_in, c_out, y, inner;
  uint step, steps, batch, hidden, directions, reverse;
  float clip_at;
  uint reserved;
} pc;

// Where a workgroup walks the steps, its lanes read what others of it wrote a barrier before.
layout(buffer_reference, std430, buffer_reference_align = 4) coherent buffer StateRef { float v; };
layout(buffer_reference, std430, buffer_reference_align = 8) coherent buffer StatePairRef { uint64_t v; };

float load_state(uint64_t state, uint at) {
  return kSequence != 0u ? StateRef(state + uint64_t(at) * 4ul).v : load_float(state, at);
}
void store_state(uint64_t state, uint at, float x) {
  if (kSequence != 0u) {
    StateRef(state + uint64_t(at) * 4ul).v = x;
  } else {
    store_float(state, at, x);
  }
}
vec4 load_states(uint64_t state, uint quad) {
  if (kSequence == 0u) return load_group(state, quad, 0u);
  const uint64_t at = state + uint64_t(quad) * 16ul;
  return uintBitsToFloat(uvec4(unpackUint2x32(StatePairRef(at).v), unpackUint2x32(StatePairRef(at + 8ul).v)));
}
// Of one state of all directions and samples, as it is padded.
uint64_t state_bytes() { return uint64_t((pc.directions * pc.batch * pc.hidden + 3u) / 4u) * 16ul; }

// Function in recurrent.hpp.
float evaluate(uint function, float x, uint slot) {
  const float alpha = load_float(pc.parameters, slot * 2u), beta = load_float(pc.parameters, slot * 2u + 1u);
  const float bounded = clamp(function == 6u ? beta * x : x, -15.0, 15.0);  // tanh of more overflows on some drivers
  switch (function) {
    case 0u: return max(x, 0.0);
    case 1u: return tanh(bounded);
    case 2u: return 1.0 / (1.0 + exp(-x));
    case 3u: return alpha * x + beta;
    case 4u: return x < 0.0 ? alpha * x : x;
    case 5u: return x > alpha ? x : 0.0;
    case 6u: return alpha * tanh(bounded);
    case 7u: return clamp(alpha * x + beta, 0.0, 1.0);
    case 8u: {
      // exp(x) - 1 loses all digits near zero, where the series is exact.
      const float series = x * (1.0 + x * (0.5 + x * (0.16666667 + x * 0.041666668)));
      return x < 0.0 ? alpha * (x > -0.06 ? series : exp(x) - 1.0) : x;
    }
    case 9u: return x / (1.0 + abs(x));
    case 10u: return max(x, 0.0) + log(1.0 + exp(-abs(x)));
  }
  return x;
}

float plain(uint direction, uint place, float x) {
  const uint forward = (kFunctions >> (4u * place)) & 15u, backward = (kFunctions >> (4u * (place + 3u))) & 15u;
  if (forward == backward || direction == 0u) return evaluate(forward, x, direction * 3u + place);
  return evaluate(backward, x, 3u + place);
}

// Of a gate, whose input is clipped; the cell of an LSTM is not, as in ONNX Runtime.
float activate(uint direction, uint place, float x) {
  return plain(direction, place, (kFlags & 4u) != 0u ? clamp(x, -pc.clip_at, pc.clip_at) : x);
}

// Rows of R from `row` on, times four (or one) elements of the state.
vec4 weights_at(uint unit_row) {
  if (kCell == 0u) return vec4(load_float(pc.weights, unit_row), 0.0, 0.0, 0.0);
  return load_group(pc.weights, unit_row, 0u);
}

vec4 product(uint64_t state, uint first, uint direction, uint unit) {
  vec4 sum = vec4(0.0);
  uint row = direction * pc.hidden * pc.hidden + unit;
  if (kWhole != 0u) {
    for (uint k = 0u; k < pc.hidden; k += 4u) {
      const vec4 h = load_states(state, (first + k) >> 2);
      [[unroll]] for (uint i = 0u; i < 4u; ++i) {
        sum += h[i] * weights_at(row);
        row += pc.hidden;
      }
    }
  } else {
    for (uint k = 0u; k < pc.hidden; ++k) {
      sum += load_state(state, first + k) * weights_at(row);
      row += pc.hidden;
    }
  }
  return sum;
}

// `phase`: of a GRU that resets before its product, 1 gates, 2 state; else 0.
void walk(uint phase, uint step, uint unit, uint64_t h_in, uint64_t h_out, uint64_t c_in) {
  const uint sample_index = gl_WorkGroupID.y, direction = gl_WorkGroupID.z;
  const uint first = (direction * pc.batch + sample_index) * pc.hidden, at = first + unit;
  const uint states = pc.directions * pc.batch * pc.hidden;
  uint length = pc.steps;
  if ((kFlags & 1u) != 0u) length = uint(clamp(load_int(pc.lengths, sample_index), 0, int(pc.steps)));
  const float h = h_in != 0ul ? load_state(h_in, at) : 0.0;
  if (step >= length) {
    // Behind the end of a sequence: the state stays, the output is zero.
    if (phase != 1u) {
      store_state(h_out, at, h);
      if (kCell == 2u) store_float(pc.c_out, at, c_in != 0ul ? load_float(c_in, at) : 0.0);
      if ((kFlags & 32u) != 0u) store_float(pc.y, step * states + at, 0.0);
    }
    return;
  }
  const uint time = ((pc.reverse >> direction) & 1u) != 0u ? length - 1u - step : step;
  const uint gates = kCell == 0u ? 1u : kCell == 1u ? 3u : 4u;
  vec4 given = vec4(0.0);
  [[unroll]] for (uint g = 0u; g < gates; ++g) {
    given[g] = load_float(pc.projected,
                          (((time * pc.batch + sample_index) * pc.directions + direction) * gates + g) * pc.hidden + unit);
  }
  vec4 sum = vec4(0.0);
  if (phase == 2u) {
    sum = product(pc.inner + state_bytes(), first, direction, unit);
  } else if (h_in != 0ul) {
    sum = product(h_in, first, direction, unit);
  }
  float next;
  if (kCell == 0u) {
    next = activate(direction, 0u, given.x + sum.x);
  } else if (kCell == 1u) {
    float update;
    if (phase == 2u) {
      update = load_float(pc.inner, at);
    } else {
      update = activate(direction, 0u, given.x + sum.x);
      const float reset = activate(direction, 0u, given.y + sum.y);
      if (phase == 1u) {
        store_float(pc.inner, at, update);
        store_state(pc.inner + state_bytes(), at, reset * h);
        return;
      }
      if ((kFlags & 16u) != 0u) sum.z += load_float(pc.bias, direction * pc.hidden + unit);
      sum.z *= reset;
    }
    next = (1.0 - update) * activate(direction, 1u, given.z + sum.z) + update * h;
  } else {
    vec4 x = given + sum;  // in, out, forget, cell
    const float old = c_in != 0ul ? load_float(c_in, at) : 0.0;
    vec3 peephole = vec3(0.0);
    if ((kFlags & 2u) != 0u) {
      const uint from = direction * 3u * pc.hidden + unit;
      peephole = vec3(load_float(pc.peepholes, from), load_float(pc.peepholes, from + pc.hidden),
                      load_float(pc.peepholes, from + 2u * pc.hidden));
    }
    const float in_gate = activate(direction, 0u, x.x + peephole.x * old);
    const float forget = (kFlags & 8u) != 0u ? 1.0 - in_gate : activate(direction, 0u, x.z + peephole.z * old);
    const float cell = forget * old + in_gate * activate(direction, 1u, x.w);
    next = activate(direction, 0u, x.y + peephole.y * cell) * plain(direction, 2u, cell);
    store_float(pc.c_out, at, cell);
  }
  store_state(h_out, at, next);
  if ((kFlags & 32u) != 0u) store_float(pc.y, time * states + at, next);
}

void walk_all(uint phase, uint step, uint64_t h_in, uint64_t h_out, uint64_t c_in) {
  for (uint unit = gl_LocalInvocationID.x; unit < pc.hidden; unit += kWidth) walk(phase, step, unit, h_in, h_out, c_in);
  memoryBarrierBuffer();
  barrier();
}

void main() {
  if (kSequence == 0u) {
    if (gl_GlobalInvocationID.x < pc.hidden) walk(kPhase, pc.step, gl_GlobalInvocationID.x, pc.h_in, pc.h_out, pc.c_in);
    return;
  }
  // The states between the first and the last lie in two buffers in front of `inner`, by turns.
  const uint64_t states = pc.inner - 3ul * state_bytes();
  uint64_t h = pc.h_in, c = pc.c_in;
  for (uint step = 0u; step < pc.steps; ++step) {
    uint64_t next = states + uint64_t(step & 1u) * state_bytes();
    if (step + 1u == pc.steps && pc.h_out != 0ul) next = pc.h_out;
    if (kPhase == 0u) {
      walk_all(0u, step, h, next, c);
    } else {
      walk_all(1u, step, h, next, c);
      walk_all(2u, step, h, next, c);
    }
    h = next;
    c = pc.c_out;
  }
}
