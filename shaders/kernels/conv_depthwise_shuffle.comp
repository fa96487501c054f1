#version 460
#extension GL_GOOGLE_include_directive : require
// Pixels that two tiles of a row need go from one invocation to the next instead of being loaded twice.
#define SHUFFLE
#include "conv_depthwise.glsl"
