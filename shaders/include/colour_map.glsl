// Colours of values, of equal steps in brightness, told apart by people who are colour-blind. 0..255.
#ifndef TARSIER_COLOUR_MAP
#define TARSIER_COLOUR_MAP
#extension GL_EXT_control_flow_attributes : require

// From 0, dark, to 1, light. B, G, R.
vec3 sequential_colour(float value) {
  const vec3 stops[6] = vec3[](vec3(58.0, 10.0, 20.0), vec3(122.0, 18.0, 88.0), vec3(118.0, 52.0, 178.0),
                               vec3(82.0, 104.0, 240.0), vec3(70.0, 184.0, 252.0), vec3(186.0, 248.0, 252.0));
  float place = value * 5.0;
  vec3 colour = stops[0];
  [[unroll]] for (int i = 0; i < 5; ++i) colour += (stops[i + 1] - stops[i]) * clamp(place - float(i), 0.0, 1.0);
  return colour;
}

// From -1, light blue, over 0, dark, to 1, light orange: both sides are as bright at the same distance. B, G, R.
vec3 diverging_colour(float value) {
  const vec3 below[4] = vec3[](vec3(34.0, 30.0, 30.0), vec3(147.0, 89.0, 38.0), vec3(231.0, 156.0, 83.0),
                               vec3(255.0, 228.0, 188.0));
  const vec3 above[4] = vec3[](vec3(34.0, 30.0, 30.0), vec3(20.0, 67.0, 135.0), vec3(61.0, 127.0, 215.0),
                               vec3(176.0, 214.0, 254.0));
  float place = abs(value) * 3.0;
  bool low = value < 0.0;
  vec3 colour = below[0];
  [[unroll]] for (int i = 0; i < 3; ++i)
    colour += (low ? below[i + 1] - below[i] : above[i + 1] - above[i]) * clamp(place - float(i), 0.0, 1.0);
  return colour;
}
#endif
