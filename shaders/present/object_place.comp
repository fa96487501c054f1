// Where an object is in the frame: the head's pose as the landmarks have it, moved to the landmarks that the object
// sits on; and how bright the face is.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "vision_types.glsl"
#include "object.glsl"

layout(local_size_x = 64) in;
const uint kLanes = 64u, kAnchors = 8u;
const float kMargin = 2.0;    // pixels around the box, for the edges' samples

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Model {
  vec4 points[kFacePoints];
};

layout(push_constant, std430) uniform Push {
  Face face;
  Model model;
  Words picture;
  Placement placement;
  uvec2 frame;
  float low[3], high[3];  // of the object, in the head's axes
  uint anchors[kAnchors];
} pc;

shared vec2 lights[kLanes];

void main() {
  uint lane = gl_LocalInvocationID.x;
  bool shown = pc.face.tracked >= kFaceSettled;
  vec2 light = vec2(0.0);
  if (shown) {
    for (uint i = lane; i < kFacePoints; i += kLanes) {
      vec2 point = pc.face.points[i].xy;
      if (point.x >= 0.0 && point.y >= 0.0 && point.x < float(pc.frame.x) && point.y < float(pc.frame.y)) {
        vec4 bgra = unpackUnorm4x8(pc.picture.v[uint(point.y) * pc.frame.x + uint(point.x)]);
        light += vec2(dot(bgra.zyx, vec3(0.299, 0.587, 0.114)), 1.0);
      }
    }
  }
  lights[lane] = light;
  barrier();
  if (lane != 0u) return;
  for (uint i = 1u; i < kLanes; ++i) light += lights[i];
  pc.placement.box = vec4(0.0);
  if (!shown) return;

  mat3 axes = mat3(pc.face.axes[0].xyz, pc.face.axes[1].xyz, pc.face.axes[2].xyz) * pc.face.scale;
  vec3 origin = vec3(0.0);
  for (uint i = 0u; i < kAnchors; ++i) {
    uint anchor = pc.anchors[i];
    origin += pc.face.points[anchor].xyz - axes * pc.model.points[anchor].xyz;
  }
  origin /= float(kAnchors);
  for (uint k = 0u; k < 3u; ++k) pc.placement.axes[k] = vec4(axes[k], origin[k]);
  pc.placement.light = vec4(light.y > 0.0 ? light.x / light.y : 0.5);
  pc.placement.scale = pc.face.scale;
  vec2 low = vec2(1e9), high = vec2(-1e9);
  for (uint corner = 0u; corner < 8u; ++corner) {
    vec3 at;
    for (uint k = 0u; k < 3u; ++k) at[k] = ((corner >> k) & 1u) != 0u ? pc.high[k] : pc.low[k];
    vec2 p = (origin + axes * at).xy;
    low = min(low, p);
    high = max(high, p);
  }
  vec2 most = vec2(pc.frame);
  pc.placement.box = vec4(clamp(floor(low - kMargin), vec2(0.0), most), clamp(ceil(high + kMargin), vec2(0.0), most));
}
