// The One Euro filter (engine/vision/one_euro.hpp), for points that a network finds anew in every frame.
#ifndef TARSIER_ONE_EURO
#define TARSIER_ONE_EURO

struct OneEuro {
  float min_cutoff, beta, d_cutoff;
  float seconds;  // since the frame before
};

float one_euro_alpha(float cutoff, float seconds) {
  float tau = 1.0 / (6.28318530718 * cutoff);
  return 1.0 / (1.0 + tau / max(seconds, 1e-6));
}

/// `point`: as measured; becomes filtered. `last`: filtered, of the frame before. `speed`: of the frame before, in
/// sizes a second; becomes this frame's. `size`: pixels.
void one_euro(OneEuro how, float size, vec4 last, inout vec4 point, inout vec4 speed) {
  speed = mix(speed, (point - last) / (how.seconds * size), one_euro_alpha(how.d_cutoff, how.seconds));
  vec4 follow;
  for (uint k = 0u; k < 4u; ++k) {
    follow[k] = one_euro_alpha(how.min_cutoff + how.beta * abs(speed[k]), how.seconds);
  }
  point = mix(last, point, follow);
}
#endif
