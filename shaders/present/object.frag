// How objects look: one light from above the camera's left, what comes from all sides, and a sheen by the material; as
// bright as the face is in the picture.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"
#include "object.glsl"
#include "object_light.glsl"

layout(location = 1) centroid in vec3 in_normal;
layout(location = 2) in float in_extra;
layout(location = 3) in flat float in_material;
layout(location = 0) out vec4 out_color;

layout(push_constant) uniform Push {
  Face face;
  Placement placement;
  vec2 frame;  // pixels
} push;

layout(constant_id = 0) const uint kObject = kGlasses;

/// Around `middle` of every turn, anti-aliased.
float stripe(float turns, float middle, float half_width) {
  float away = abs(fract(turns - middle + 0.5) - 0.5);
  return clamp(0.5 + (half_width - away) / max(fwidth(turns), 1e-4), 0.0, 1.0);
}

void main() {
  vec3 n = normalize(in_normal);
  bool inside = !gl_FrontFacing;  // of a shell
  if (inside) n = -n;
  n = normalize(vec3(n.xy, min(n.z, 0.0)));
  vec3 albedo;
  float shine, sharp, sheen, wrap = 0.0;
  if (kObject == kGlasses) {
    albedo = vec3(0.075, 0.066, 0.064);
    // On bars a pixel wide a sheen would be a row of dots.
    float wide = clamp(push.placement.scale / 260.0, 0.3, 1.0);
    shine = 0.55 * wide; sharp = 38.0; sheen = 0.20 * wide;
  } else if (kObject == kHat && in_material == kFelt) {
    albedo = vec3(0.40, 0.345, 0.29);
    shine = 0.03; sharp = 6.0; sheen = 0.10; wrap = 0.25;
  } else if (kObject == kHat) {
    albedo = vec3(0.105, 0.085, 0.085);
    shine = 0.16; sharp = 12.0; sheen = 0.06; wrap = 0.1;
  } else if (in_material == kPaper) {
    // Stripes, three colours a turn.
    float blue = stripe(in_extra, 0.20, 0.20), yellow = stripe(in_extra, 0.575, 0.175);
    albedo = vec3(0.93, 0.92, 0.90) * (1.0 - blue - yellow);  // and white
    albedo += vec3(0.16, 0.42, 0.85) * blue + vec3(0.98, 0.77, 0.18) * yellow;
    if (inside) albedo *= 0.5;
    shine = 0.18; sharp = 16.0; sheen = 0.05;
  } else {
    albedo = vec3(0.92, 0.24, 0.30);
    shine = 0.04; sharp = 6.0; sheen = 0.18; wrap = 0.3;
  }
  float lit = clamp((dot(n, kLight) + wrap) / (1.0 + wrap), 0.0, 1.0);
  vec3 around = mix(vec3(0.36, 0.34, 0.32), vec3(0.56, 0.57, 0.60), 0.5 - 0.5 * n.y);
  if (kObject == kHat && in_material == kFelt) {
    albedo *= inside ? 0.35 : mix(0.35, 1.0, in_extra);
    around *= mix(0.78, 1.0, smoothstep(0.5, -0.1, n.y));  // what is under a brim is dark
  }
  vec3 color = albedo * (around + 0.78 * lit * kLightColor);
  color += shine * spot_of(n, sharp) * kLightColor + sheen * rim_of(n) * around;
  out_color = vec4(min(color * exposure_of(push.placement), 1.0), 1.0);
}
