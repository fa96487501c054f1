// How objects look: one light from above the camera's left, what comes from all sides, and a sheen by the material; as
// bright as the face is in the picture. The head itself is not seen but for the shadow that falls on it.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"
#include "object.glsl"

layout(location = 0) in vec3 in_at;
layout(location = 1) centroid in vec3 in_normal;
layout(location = 2) in float in_extra;
layout(location = 3) in flat float in_material;
layout(location = 0) out vec4 out_color;

layout(push_constant) uniform Push {
  Face face;
  Placement placement;
  vec2 frame;
  uint object;
} push;

// In the camera's axes: x right, y down, z away.
const vec3 kLight = normalize(vec3(-0.45, -0.80, -0.60));
const vec3 kHalf = normalize(kLight + vec3(0.0, 0.0, -1.0));
const vec3 kLightColor = vec3(1.0, 0.98, 0.95);
const float kUsualFace = 0.52;  // brightness

// present/object_model.cpp
const vec2 kLens = vec2(0.19, -0.056), kLensSize = vec2(0.145, 0.116);

/// How dark the object's shadow is on the head.
float shadow(vec3 normal) {
  vec3 p = in_at;
  float facing = smoothstep(0.0, 0.4, -normal.z);
  if (push.object == kGlasses) {
    // What rests on the nose throws its shadow down and, from the left, to the right.
    vec2 d = (vec2(abs(p.x - 0.008), p.y - 0.022) - kLens) / kLensSize;
    float around = pow(pow(abs(d.x), 2.7) + pow(abs(d.y), 2.7), 1.0 / 2.7) - 1.0;
    float front = smoothstep(0.20, 0.05, p.z);
    float frame = 0.26 * exp(-around * around / 0.075);
    float lens = 0.16 * smoothstep(0.1, -0.2, around);
    float temple = 0.30 * exp(-pow((p.y + 0.075) / 0.03, 2.0)) * smoothstep(0.08, 0.16, p.z);
    return max(max(frame, lens) * front, temple) * facing;
  }
  if (push.object == kHat) {
    float below = p.y + 0.415 - 0.15 * (p.z + 0.08);  // from the brim down
    return 0.42 * smoothstep(0.24, 0.0, below) * facing;
  }
  float away = length((p - vec3(0.05, -0.60, 0.44)) / vec3(0.30, 0.12, 0.30));
  return 0.35 * smoothstep(1.2, 0.75, away) * facing;
}

/// Fibres, in the head's axes: a sum of waves that no size of the picture makes flicker.
float fibres(vec3 p) {
  float pixel = max(length(fwidth(p)), 1e-5);
  float fine = sin(p.x * 61.0 + 3.0 * sin(p.y * 47.0)) * sin(p.y * 71.0 + 3.0 * sin(p.z * 53.0)) * sin(p.z * 67.0);
  return fine * clamp(0.012 / pixel, 0.0, 1.0);
}

/// Around `middle` of every turn, anti-aliased.
float stripe(float turns, float middle, float half_width) {
  float away = abs(fract(turns - middle + 0.5) - 0.5);
  return clamp(0.5 + (half_width - away) / max(fwidth(turns), 1e-4), 0.0, 1.0);
}

void main() {
  vec3 n = normalize(in_normal);
  if (in_material == kSkin || in_material == kSkull) {
    out_color = vec4(0.0, 0.0, 0.0, shadow(n));
    return;
  }
  bool inside = !gl_FrontFacing;  // of a shell
  if (inside) n = -n;
  n = normalize(vec3(n.xy, min(n.z, 0.0)));
  float exposure = clamp(push.placement.light.x / kUsualFace, 0.3, 1.35);
  float rim = pow(1.0 - abs(n.z), 3.0);
  if (in_material == kGlass) {
    float tint = mix(0.86, 0.60, clamp(0.5 * in_extra + 0.5, 0.0, 1.0));
    float spot = 0.55 * pow(max(dot(n, kHalf), 0.0), 90.0);
    // A window's light across the glass.
    float across = in_at.x * 0.8 + in_at.y * 1.3;
    float glare = 0.07 * smoothstep(-0.30, -0.12, across) * smoothstep(0.10, -0.04, across) * (0.6 - 0.4 * in_extra);
    float sky = 0.10 * smoothstep(0.2, -0.9, in_extra) + 0.25 * rim;
    float bright = (spot + glare + sky) * exposure;
    vec3 color = vec3(0.055, 0.060, 0.070) * exposure * tint + bright * vec3(0.92, 0.97, 1.0);
    float opacity = clamp(tint + bright, 0.0, 1.0);
    out_color = vec4(min(color / opacity, 1.0), opacity);
    return;
  }
  vec3 albedo;
  float shine, sharp, sheen, wrap = 0.0;
  if (in_material == kAcetate) {
    albedo = vec3(0.075, 0.066, 0.064);
    // On bars a pixel wide a sheen would be a row of dots.
    float wide = clamp(push.placement.scale / 260.0, 0.3, 1.0);
    shine = 0.55 * wide; sharp = 38.0; sheen = 0.20 * wide;
  } else if (in_material == kFelt) {
    albedo = vec3(0.40, 0.345, 0.29) * (1.0 + 0.035 * fibres(in_at * 1.6));
    shine = 0.03; sharp = 6.0; sheen = 0.10; wrap = 0.25;
  } else if (in_material == kRibbon) {
    albedo = vec3(0.105, 0.085, 0.085);
    shine = 0.16; sharp = 12.0; sheen = 0.06; wrap = 0.1;
  } else if (in_material == kPaper) {
    // Stripes, three colours a turn.
    float blue = stripe(in_extra, 0.20, 0.20), yellow = stripe(in_extra, 0.575, 0.175);
    albedo = vec3(0.93, 0.92, 0.90) * (1.0 - blue - yellow) + vec3(0.16, 0.42, 0.85) * blue + vec3(0.98, 0.77, 0.18) * yellow;
    if (inside) albedo *= 0.5;
    shine = 0.18; sharp = 16.0; sheen = 0.05;
  } else {
    albedo = vec3(0.92, 0.24, 0.30) * (1.0 + 0.10 * fibres(in_at * 1.7));
    shine = 0.04; sharp = 6.0; sheen = 0.18; wrap = 0.3;
  }
  float lit = clamp((dot(n, kLight) + wrap) / (1.0 + wrap), 0.0, 1.0);
  vec3 around = mix(vec3(0.36, 0.34, 0.32), vec3(0.56, 0.57, 0.60), 0.5 - 0.5 * n.y);
  if (in_material == kFelt) {
    albedo *= inside ? 0.35 : mix(0.35, 1.0, in_extra);
    around *= mix(0.78, 1.0, smoothstep(0.5, -0.1, n.y));  // what is under a brim is dark
  }
  vec3 color = albedo * (around + 0.78 * lit * kLightColor);
  color += shine * pow(max(dot(n, kHalf), 0.0), sharp) * kLightColor + sheen * rim * around;
  out_color = vec4(min(color * exposure, 1.0), 1.0);
}
