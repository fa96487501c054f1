// Nothing: before an object is drawn.
#version 460

layout(location = 0) out vec4 out_color;

void main() { out_color = vec4(0.0); }
