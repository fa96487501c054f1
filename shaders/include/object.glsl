// How an object is placed on a face (present/object_layer.cpp). Include after vision_types.glsl.
#ifndef TARSIER_OBJECT
#define TARSIER_OBJECT
#include "face.glsl"

layout(buffer_reference, std430, buffer_reference_align = 16) buffer Placement {
  vec4 axes[3];  // pixels: the canonical head's right, down and back; w: x, y, z of where its origin is
  vec4 box;      // of the object in the frame; empty: there is no face
  vec4 light;    // x: brightness of the face, 0..1
  float scale;   // pixels a unit of the canonical head
};

const float kSkin = 0.0, kSkull = 1.0, kAcetate = 2.0, kGlass = 3.0, kFelt = 4.0, kRibbon = 5.0, kPaper = 6.0,
            kPompom = 7.0;  // present::ObjectMaterial
const uint kGlasses = 1u, kHat = 2u, kPartyHat = 3u;  // present::FaceObject

const float kReach = 4.0;  // heads before and behind the origin that depth covers

/// Of a point in the frame's pixels, z in those, too; nowhere if there is no face.
vec4 place_of(Placement placement, vec3 at, vec2 frame) {
  if (placement.box.z <= placement.box.x) return vec4(-2.0, -2.0, 0.0, 1.0);
  float depth = 0.5 + 0.5 * (at.z - placement.axes[2].w) / (kReach * placement.scale);
  return vec4(at.xy / frame * 2.0 - 1.0, depth, 1.0);
}
#endif
