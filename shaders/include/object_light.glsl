// The light on objects. Include after object.glsl.
#ifndef TARSIER_OBJECT_LIGHT
#define TARSIER_OBJECT_LIGHT

// In the camera's axes: x right, y down, z away.
const vec3 kLight = normalize(vec3(-0.45, -0.80, -0.60));
const vec3 kHalf = normalize(kLight + vec3(0.0, 0.0, -1.0));
const vec3 kLightColor = vec3(1.0, 0.98, 0.95);
const float kUsualFace = 0.52;  // brightness

float exposure_of(Placement placement) { return clamp(placement.light.x / kUsualFace, 0.3, 1.35); }
/// How much a surface turns away from the camera.
float rim_of(vec3 normal) { return pow(1.0 - abs(normal.z), 3.0); }
/// Of a mirrored light.
float spot_of(vec3 normal, float sharp) { return pow(max(dot(normal, kHalf), 0.0), sharp); }
#endif
