#version 460
#extension GL_GOOGLE_include_directive : require
// Whole numbers as bytes, for devices that multiply and add four of them at once; activations in fp32 or fp16.
#define TILE_BYTES
#include "conv_tiled.glsl"
