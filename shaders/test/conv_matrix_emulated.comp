#version 460
#extension GL_GOOGLE_include_directive : require
// kernels/conv_matrix.comp without the matrix instructions: tests/kernels/conv_tiled_test.cpp.
#define TILE_MATRIX
#define MATRIX_EMULATED
#include "conv_tiled.glsl"
