#version 460
#extension GL_GOOGLE_include_directive : require
// Whole numbers as bytes, for devices that multiply and add four of them at once.
#define TILE_BYTES
#include "matmul_tiled.glsl"
