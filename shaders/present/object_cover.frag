// Lays an object over the scene: the mean of its samples, whose colours are multiplied by their opacity.
#version 460

layout(set = 0, binding = 0) uniform sampler2DMS object;
layout(location = 0) out vec4 out_color;

const int kSamples = 4;

void main() {
  vec4 sum = vec4(0.0);
  for (int i = 0; i < kSamples; ++i) sum += texelFetch(object, ivec2(gl_FragCoord.xy), i);
  if (sum.a == 0.0) discard;
  out_color = vec4(sum.rgb / sum.a, sum.a / float(kSamples));
}
