#version 460
#extension GL_GOOGLE_include_directive : require
// fp16 arithmetic, for devices that have it; activations and weights in fp16.
#define TILE_HALF
#include "conv_tiled.glsl"
