#version 460
#extension GL_GOOGLE_include_directive : require
// Cooperative matrices: operands rounded to fp16, sums in fp32. The build leaves it out where no GLSL compiler knows
// GL_KHR_cooperative_matrix.
#define TILE_MATRIX
#include "matmul_tiled.glsl"
