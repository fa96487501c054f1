// A turned square of the frame to a network's input: bilinear, black outside of the frame.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"
#include "network_input.glsl"
#include "region.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kStore = 0;  // vision::InputStore
layout(constant_id = 1) const uint kRgb = 0;    // channel 0 is red

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer RegionBuffer { Region region; };

layout(push_constant, std430) uniform Push {
  Words frame;  // B8 G8 R8 A8, blue lowest
  Words target;
  RegionBuffer region;
  int frame_width, frame_height;
  int width, height;        // of the input
  float mean[3], scale[3];  // value = (pixel - mean) * scale, in the network's channel order
} pc;

/// Zero outside; the load itself is always inside, which costs the software device less than a branch.
vec3 pixel_at(ivec2 at, ivec2 size) {
  ivec2 inside = clamp(at, ivec2(0), size - 1);
  uint p = pc.frame.v[inside.y * size.x + inside.x];
  vec3 bgr = vec3(p & 255u, (p >> 8) & 255u, (p >> 16) & 255u);
  return at == inside ? bgr : vec3(0.0);
}

vec3 value_at(uint pixel, Region region) {
  uint width = uint(pc.width);
  vec2 inside = (vec2(pixel % width, pixel / width) + 0.5) / vec2(pc.width, pc.height);
  ivec2 size = ivec2(pc.frame_width, pc.frame_height);
  // So far out that nothing of the frame is there: whole numbers stay small.
  vec2 at = clamp(frame_of(region, inside) - 0.5, vec2(-2.0), vec2(size) + 1.0);
  vec2 whole = floor(at), part = at - whole;
  ivec2 first = ivec2(whole);
  vec3 upper = mix(pixel_at(first, size), pixel_at(first + ivec2(1, 0), size), part.x);
  vec3 lower = mix(pixel_at(first + ivec2(0, 1), size), pixel_at(first + ivec2(1, 1), size), part.x);
  vec3 bgr = region.valid != 0u ? mix(upper, lower, part.y) : vec3(0.0);
  vec3 value = kRgb != 0u ? bgr.zyx : bgr;
  return (value - vec3(pc.mean[0], pc.mean[1], pc.mean[2])) * vec3(pc.scale[0], pc.scale[1], pc.scale[2]);
}

float element_at(uint element, uint plane, Region region) {
  if (element >= 3u * plane) return 0.0;
  uvec2 at = pixel_channel(kStore, element, plane);
  return value_at(at.x, region)[at.y];
}

void main() {
  uint plane = uint(pc.width * pc.height), item = gl_GlobalInvocationID.x;
  Region region = pc.region.region;
  if (makes_words(kStore)) {
    if (item * 2u < 3u * plane) {
      pc.target.v[item] =
          packHalf2x16(vec2(element_at(2u * item, plane, region), element_at(2u * item + 1u, plane, region)));
    }
  } else if (item < plane) {
    store_pixel(kStore, pc.target, plane, item, value_at(item, region));
  }
}
