// One-dimensional transforms of Winograd convolutions F(2, 3) and F(4, 3) (A. Lavin, S. Gray, Fast Algorithms for
// Convolutional Neural Networks, 2015). A 3x3 convolution's tile of kTile x kTile outputs is
//   A^T [ (G g G^T) . (B^T d B) ] A;  the host computes G g G^T (engine/kernels/conv_winograd.cpp).
#ifndef TARSIER_WINOGRAD_GLSL
#define TARSIER_WINOGRAD_GLSL

layout(constant_id = 7) const int kTile = 4;  // 2 or 4
const int kSide = kTile + 2;                  // of a tile of inputs

// B^T x: kSide inputs, kSide results.
#define WINOGRAD_INPUT(T) \
  void winograd_input(inout T x[6]) { \
    const T x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3], x4 = x[4], x5 = x[5]; \
    if (kTile == 2) { \
      x[0] = x0 - x2; \
      x[1] = x1 + x2; \
      x[2] = x2 - x1; \
      x[3] = x1 - x3; \
    } else { \
      const T even = x4 - 4.0 * x2, odd = x3 - 4.0 * x1, even2 = x4 - x2, odd2 = 2.0 * (x3 - x1); \
      x[0] = 4.0 * x0 - 5.0 * x2 + x4; \
      x[1] = even + odd; \
      x[2] = even - odd; \
      x[3] = even2 + odd2; \
      x[4] = even2 - odd2; \
      x[5] = 4.0 * x1 - 5.0 * x3 + x5; \
    } \
  }

// A^T x: kSide products, kTile results in x[0..kTile-1].
#define WINOGRAD_OUTPUT(T) \
  void winograd_output(inout T x[6]) { \
    const T x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3], x4 = x[4], x5 = x[5]; \
    if (kTile == 2) { \
      x[0] = x0 + x1 + x2; \
      x[1] = x1 - x2 - x3; \
    } else { \
      const T sum = x1 + x2, difference = x1 - x2, sum2 = x3 + x4, difference2 = x3 - x4; \
      x[0] = x0 + sum + sum2; \
      x[1] = difference + 2.0 * difference2; \
      x[2] = sum + 4.0 * sum2; \
      x[3] = difference + 8.0 * difference2 + x5; \
    } \
  }

#endif
