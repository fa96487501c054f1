// A glyph out of the atlas, or a tag with rounded corners.
#version 460
#include "present_types.glsl"

layout(set = 0, binding = 0) uniform sampler2D atlas;

layout(location = 0) in vec2 in_texel;
layout(location = 1) in vec2 in_point;
layout(location = 2) in flat vec2 in_half_size;
layout(location = 3) in flat vec4 in_color;
layout(location = 4) in flat uint in_is_glyph;
layout(location = 0) out vec4 out_color;

const float kTagRadius = 3.0;

void main() {
  float coverage = in_is_glyph == 1u
                       ? texelFetch(atlas, ivec2(in_texel), 0).r
                       : clamp(0.5 - rounded_rectangle(in_point, in_half_size, kTagRadius), 0.0, 1.0);
  out_color = vec4(in_color.rgb, in_color.a * coverage);
}
