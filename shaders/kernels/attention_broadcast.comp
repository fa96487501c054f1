#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_ballot : require
// Scaled dot-product attention on the software device, where keys go from lane to lane; engine/kernels/attention.cpp.
#define TARSIER_BROADCAST
#include "attention.glsl"
