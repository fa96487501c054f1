// One pass from the uploaded frame to a network's input: resize, letterbox, colour order, normalise, layout.
// Sampling repeats OpenCV's 8-bit INTER_LINEAR in its own fixed point (weights of 11 bits, result rounded to 8), so
// that a network sees the very values that its reference saw; see engine/vision/preprocess.cpp.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "vision_types.glsl"
#include "network_input.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kStore = 0;  // vision::InputStore
layout(constant_id = 1) const uint kRgb = 0;    // channel 0 is red
const uint kRows = 4;  // rows an invocation makes: the column's weights are found once

layout(push_constant, std430) uniform Push {
  Words frame;  // B8 G8 R8 A8, blue lowest
  Words target;
  int frame_width, frame_height;
  int target_width, target_height;
  int x, y, width, height;  // where the frame lands in the target
  float mean[3], scale[3];  // value = (pixel - mean) * scale, in the network's channel order
  float pad;                // pixel value outside
} pc;

// Two neighbours along one axis and their weights in 1/2048.
struct Tap {
  int a, b;
  int wa, wb;
};

Tap tap_of(int i, int from, int to, bool clamp_weights) {
  precise float position = float((2 * i + 1) * from - to) / float(2 * to);
  precise float whole = floor(position);
  precise float f = position - whole;
  int a = int_of(whole);
  if (clamp_weights && (a < 0 || a >= from - 1)) f = 0;  // OpenCV does so along x, not along y
  Tap tap;
  tap.a = clamp(a, 0, from - 1);
  tap.b = clamp(a + 1, 0, from - 1);
  tap.wa = int_of(roundEven((1.0 - f) * 2048.0));
  tap.wb = int_of(roundEven(f * 2048.0));
  if (clamp_weights) tap.b = a < 0 ? 0 : tap.b;
  return tap;
}

ivec3 blend_row(int row, Tap x) {
  uint p = pc.frame.v[row + x.a];
  uint q = pc.frame.v[row + x.b];
  ivec3 a = ivec3(p & 255u, (p >> 8) & 255u, (p >> 16) & 255u);
  ivec3 b = ivec3(q & 255u, (q >> 8) & 255u, (q >> 16) & 255u);
  return (a * x.wa + b * x.wb) >> 4;
}

// The network's channels of target pixel (column of x, row), normalised. Nothing here depends on a condition: the
// software device reads push constants and neighbours' addresses far faster outside of branches.
vec3 value_at(int column, int row, Tap x) {
  int fx = column - pc.x, fy = row - pc.y;
  bool inside = fx >= 0 && fx < pc.width && fy >= 0 && fy < pc.height;
  Tap y = tap_of(fy, pc.frame_height, pc.height, false);
  ivec3 a = blend_row(y.a * pc.frame_width, x);
  ivec3 b = blend_row(y.b * pc.frame_width, x);
  vec3 bgr = vec3((((a * y.wa) >> 16) + ((b * y.wb) >> 16) + 2) >> 2);
  bgr = mix(vec3(pc.pad), bgr, bvec3(inside));
  vec3 value = kRgb != 0 ? bgr.zyx : bgr;
  precise vec3 result = (value - vec3(pc.mean[0], pc.mean[1], pc.mean[2])) *
                        vec3(pc.scale[0], pc.scale[1], pc.scale[2]);
  return result;
}

float element_at(uint element) {
  uint plane = uint(pc.target_width * pc.target_height);
  if (element >= 3u * plane) return 0.0;
  uvec2 at = pixel_channel(kStore, element, plane);
  int column = int(at.x % uint(pc.target_width)), row = int(at.x / uint(pc.target_width));
  return value_at(column, row, tap_of(column - pc.x, pc.frame_width, pc.width, true))[at.y];
}

void main() {
  if (makes_words(kStore)) {
    uint word = gl_GlobalInvocationID.x;
    if (word * 2u < 3u * uint(pc.target_width * pc.target_height)) {
      pc.target.v[word] = packHalf2x16(vec2(element_at(2u * word), element_at(2u * word + 1u)));
    }
    return;
  }
  int column = int(gl_GlobalInvocationID.x);
  Tap x = tap_of(column - pc.x, pc.frame_width, pc.width, true);
  int first = int(gl_GlobalInvocationID.y * kRows);
  uint plane = uint(pc.target_width * pc.target_height);
  vec3 values[kRows];
  [[unroll]] for (int i = 0; i < int(kRows); ++i) values[i] = value_at(column, first + i, x);
  [[unroll]] for (int i = 0; i < int(kRows); ++i) {
    int row = first + i;
    uint pixel = uint(row * pc.target_width + column);
    Words target = pc.target;
    if (column < pc.target_width && row < pc.target_height) {
      store_pixel(kStore, target, plane, pixel, values[i]);
    }
  }
}
