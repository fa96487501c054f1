// Two scenes of one frame in one picture.
#version 460

layout(set = 0, binding = 0) uniform sampler2D first;
layout(set = 0, binding = 1) uniform sampler2D second;
layout(location = 0) in vec2 in_uv;
layout(location = 0) out vec4 out_color;

layout(push_constant) uniform Push {
  uint look;   // present::CompareLook
  uint width;  // of a scene, pixels
  float edge;  // of the wipe, pixels from the left
  float line;  // half the width of its line
} push;

const uint kWipe = 0u;
const uint kSide = 1u;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  if (push.look == kWipe) {
    vec3 color = texelFetch(first, at, 0).rgb;
    if (gl_FragCoord.x >= push.edge) color = texelFetch(second, at, 0).rgb;
    float away = abs(gl_FragCoord.x - push.edge);
    if (away < 2.0 * push.line) color = away < push.line ? vec3(0.95) : color * 0.35;
    out_color = vec4(color, 1.0);
  } else if (push.look == kSide) {
    int beyond = at.x - int(push.width);
    out_color = vec4(beyond < 0 ? texelFetch(first, at, 0).rgb : texelFetch(second, ivec2(beyond, at.y), 0).rgb, 1.0);
  } else {
    // What differs, over a dim picture to tell where.
    vec3 one = texelFetch(first, at, 0).rgb;
    vec3 other = texelFetch(second, at, 0).rgb;
    out_color = vec4(0.2 * dot(one, vec3(0.2126, 0.7152, 0.0722)) + abs(one - other), 1.0);
  }
}
