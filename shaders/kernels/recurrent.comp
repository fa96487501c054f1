#version 460
#extension GL_GOOGLE_include_directive : require
// One step of RNN, GRU or LSTM; engine/kernels/recurrent_steps.cpp. A lane owns one unit of one sample of one
// direction: its products with the last state, its gates and its new state.
#include "tensor.glsl"

layout(local_size_x_id = 4) in;
layout(constant_id = 0) const uint kCell = 0u;   // 0 RNN, 1 GRU, 2 LSTM
layout(constant_id = 1) const uint kPhase = 0u;  // of a GRU that resets before its product: 1 gates, 2 state; else 0
layout(constant_id = 2) const uint kFunctions = 0u;  // [direction][3], four bits each
// 1: lengths, 2: peepholes, 4: clip, 8: forget = 1 - in, 16: bias inside of the reset, 32: y is wanted
layout(constant_id = 3) const uint kFlags = 0u;
layout(constant_id = 4) const uint kWidth = 64u;
layout(constant_id = 5) const uint kWhole = 0u;  // units are a multiple of four

layout(push_constant, std430) uniform Push {
  uint64_t projected, weights, bias, lengths, peepholes, parameters;
  uint64_t h_in, h_out, c_in, c_out, y, inner;
  uint step, steps, batch, hidden, directions, reverse;
  float clip_at;
  uint reserved;
} pc;

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
      const vec4 h = load_group(state, (first + k) >> 2, 0u);
      [[unroll]] for (uint i = 0u; i < 4u; ++i) {
        sum += h[i] * weights_at(row);
        row += pc.hidden;
      }
    }
  } else {
    for (uint k = 0u; k < pc.hidden; ++k) {
      sum += load_float(state, first + k) * weights_at(row);
      row += pc.hidden;
    }
  }
  return sum;
}

void main() {
  const uint unit = gl_GlobalInvocationID.x, sample_index = gl_WorkGroupID.y, direction = gl_WorkGroupID.z;
  if (unit >= pc.hidden) return;
  const uint first = (direction * pc.batch + sample_index) * pc.hidden, at = first + unit;
  const uint states = pc.directions * pc.batch * pc.hidden;
  uint length = pc.steps;
  if ((kFlags & 1u) != 0u) length = uint(clamp(load_int(pc.lengths, sample_index), 0, int(pc.steps)));
  const float h = pc.h_in != 0ul ? load_float(pc.h_in, at) : 0.0;
  if (pc.step >= length) {
    // Behind the end of a sequence: the state stays, the output is zero.
    if (kPhase != 1u) {
      store_float(pc.h_out, at, h);
      if (kCell == 2u) store_float(pc.c_out, at, pc.c_in != 0ul ? load_float(pc.c_in, at) : 0.0);
      if ((kFlags & 32u) != 0u) store_float(pc.y, pc.step * states + at, 0.0);
    }
    return;
  }
  const uint time = ((pc.reverse >> direction) & 1u) != 0u ? length - 1u - pc.step : pc.step;
  const uint gates = kCell == 0u ? 1u : kCell == 1u ? 3u : 4u;
  vec4 given = vec4(0.0);
  [[unroll]] for (uint g = 0u; g < gates; ++g) {
    given[g] = load_float(pc.projected,
                          (((time * pc.batch + sample_index) * pc.directions + direction) * gates + g) * pc.hidden + unit);
  }
  vec4 sum = vec4(0.0);
  if (kPhase == 2u) {
    sum = product(pc.inner + uint64_t((states + 3u) / 4u) * 16ul, first, direction, unit);
  } else if (pc.h_in != 0ul) {
    sum = product(pc.h_in, first, direction, unit);
  }
  float next;
  if (kCell == 0u) {
    next = activate(direction, 0u, given.x + sum.x);
  } else if (kCell == 1u) {
    float update;
    if (kPhase == 2u) {
      update = load_float(pc.inner, at);
    } else {
      update = activate(direction, 0u, given.x + sum.x);
      const float reset = activate(direction, 0u, given.y + sum.y);
      if (kPhase == 1u) {
        store_float(pc.inner, at, update);
        store_float(pc.inner + uint64_t((states + 3u) / 4u) * 16ul, at, reset * h);
        return;
      }
      if ((kFlags & 16u) != 0u) sum.z += load_float(pc.bias, direction * pc.hidden + unit);
      sum.z *= reset;
    }
    next = (1.0 - update) * activate(direction, 1u, given.z + sum.z) + update * h;
  } else {
    vec4 x = given + sum;  // in, out, forget, cell
    const float old = pc.c_in != 0ul ? load_float(pc.c_in, at) : 0.0;
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
  store_float(pc.h_out, at, next);
  if ((kFlags & 32u) != 0u) store_float(pc.y, time * states + at, next);
}
