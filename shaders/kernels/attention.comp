#version 460
#extension GL_GOOGLE_include_directive : require
// Scaled dot-product attention; engine/kernels/attention.cpp.
#include "attention.glsl"
