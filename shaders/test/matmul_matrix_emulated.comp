#version 460
#extension GL_GOOGLE_include_directive : require
// kernels/matmul_matrix.comp without the matrix instructions: tests/kernels/matmul_tiled_test.cpp.
#define TILE_MATRIX
#define MATRIX_EMULATED
#include "matmul_tiled.glsl"
