// Last pass of vision::RegionBlur: writes the blurred pixels into a copy of the picture, an invocation a block. The box
// and half of its reach are blurred in full, from there it fades; pixels beyond the reach are left as they are.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "blur.glsl"

layout(local_size_x = 64) in;

layout(push_constant, std430) uniform Push {
  Regions regions;
  Words lists;
  Vectors colors;
  Words picture;
  uint width, height;
  uint columns, count;  // of the blocks
} pc;

/// How much of the blur shows at a point: 1 up to half the region's reach from its box.
float shown(Region region, vec2 point) {
  if (region.reach == 0.0) return 0.0;
  vec2 away = max(max(region.box.xy - point, point - region.box.zw), vec2(0.0));
  return smoothstep(0.0, 1.0, 2.0 - 2.0 * length(away) / region.reach);
}

void main() {
  uint block = gl_GlobalInvocationID.x;
  if (block >= pc.count) return;
  Words lists = pc.lists;
  Regions regions = pc.regions;
  uint list = block * kListWords, listed = lists.v[list];
  if (listed == 0u) return;
  bool all = listed > kListed;
  if (all) listed = regions.count;
  uvec2 at = uvec2(block % pc.columns, block / pc.columns);
  vec2 first = vec2(at * kBlock);

  // Most blocks lie within a region: the farthest corner tells.
  bool within = false;
  for (uint i = 0; i < listed && !within; ++i) {
    Region region = regions.items[all ? i : lists.v[list + 1u + i]];
    vec2 away = max(max(region.box.xy - first, first + float(kBlock) - region.box.zw), vec2(0.0));
    within = region.reach > 0.0 && 2.0 * length(away) <= region.reach;
  }
  Vectors colors = pc.colors;
  uint node = at.y * (pc.columns + 1u) + at.x;
  vec3 upper_left = colors.v[node].rgb, upper_right = colors.v[node + 1u].rgb;
  vec3 lower_left = colors.v[node + pc.columns + 1u].rgb, lower_right = colors.v[node + pc.columns + 2u].rgb;
  uvec2 size = min(uvec2(pc.width, pc.height) - at * kBlock, uvec2(kBlock));
  Words picture = pc.picture;
  for (uint y = 0; y < size.y; ++y) {
    float down = (float(y) + 0.5) / float(kBlock);
    vec3 left = mix(upper_left, lower_left, down), right = mix(upper_right, lower_right, down);
    uint pixel = (at.y * kBlock + y) * pc.width + at.x * kBlock;
    for (uint x = 0; x < size.x; ++x, ++pixel) {
      vec3 color = mix(left, right, (float(x) + 0.5) / float(kBlock));
      uint before = 0xFF000000u;
      if (!within) {
        float most = 0.0;
        vec2 point = first + vec2(x, y) + 0.5;
        for (uint i = 0; i < listed; ++i) {
          most = max(most, shown(regions.items[all ? i : lists.v[list + 1u + i]], point));
        }
        if (most == 0.0) continue;
        before = picture.v[pixel];
        color = mix(vec3((uvec3(before) >> uvec3(0u, 8u, 16u)) & 255u), color, most);
      }
      uvec3 bytes = uvec3(floor(clamp(color, 0.0, 255.0) + 0.5));
      picture.v[pixel] = (before & 0xFF000000u) | bytes.x | bytes.y << 8 | bytes.z << 16;
    }
  }
}
