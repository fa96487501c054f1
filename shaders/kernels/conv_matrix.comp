#version 460
#extension GL_GOOGLE_include_directive : require
// Cooperative matrices; activations and weights in fp16. The build leaves it out where no GLSL compiler knows
// GL_KHR_cooperative_matrix.
#define TILE_MATRIX
#include "conv_tiled.glsl"
