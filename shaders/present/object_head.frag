// The shadow of an object on the head; else nothing to see.
#version 460

layout(location = 0) in float in_shadow;
layout(location = 0) out vec4 out_color;

void main() { out_color = vec4(0.0, 0.0, 0.0, in_shadow); }
