#version 460
#extension GL_GOOGLE_include_directive : require
// fp32 arithmetic; activations and weights in fp32 or fp16.
#include "conv_tiled.glsl"
