// Dark glass, darker above: it lets the picture through and mirrors the light and what is above.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"
#include "object.glsl"
#include "object_light.glsl"

layout(location = 0) in vec3 in_at;
layout(location = 1) centroid in vec3 in_normal;
layout(location = 2) in float in_extra;
layout(location = 0) out vec4 out_color;

layout(push_constant) uniform Push {
  Face face;
  Placement placement;
  vec2 frame;  // pixels
} push;

void main() {
  vec3 n = normalize(in_normal);
  if (!gl_FrontFacing) n = -n;
  n = normalize(vec3(n.xy, min(n.z, 0.0)));
  float exposure = exposure_of(push.placement), rim = rim_of(n);
  float tint = mix(0.86, 0.60, clamp(0.5 * in_extra + 0.5, 0.0, 1.0));
  float spot = 0.55 * spot_of(n, 90.0);
  // A window's light across the glass.
  float across = in_at.x * 0.8 + in_at.y * 1.3;
  float glare = 0.07 * smoothstep(-0.30, -0.12, across) * smoothstep(0.10, -0.04, across) * (0.6 - 0.4 * in_extra);
  float sky = 0.10 * smoothstep(0.2, -0.9, in_extra) + 0.25 * rim;
  float bright = (spot + glare + sky) * exposure;
  vec3 color = vec3(0.055, 0.060, 0.070) * exposure * tint + bright * vec3(0.92, 0.97, 1.0);
  float opacity = clamp(tint + bright, 0.0, 1.0);
  out_color = vec4(min(color / opacity, 1.0), opacity);
}
