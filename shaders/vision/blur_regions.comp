// First pass of vision::RegionBlur: which parts of the picture are blurred, and how coarsely. A workgroup takes one box
// after another: those that were found in this frame, then those that the host adds.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "blur.glsl"

layout(local_size_x = 32) in;

layout(push_constant, std430) uniform Push {
  DetectionBuffer found;
  DetectionBuffer added;
  Regions regions;
  Words nodes;
  Words lists;
  uint whole[4];  // classes of which the whole box is blurred, a bit each
  uint heads[4];  // of which the upper part is
  uint width, height;
  float cell;     // in parts of a box's longer side
  float margin;   // too
  float top;      // level
} pc;

const float kLeastReach = 3.0;  // pixels

bool chosen(uint classes[4], int id) {
  return id >= 0 && id < 128 && ((classes[id >> 5] >> (id & 31)) & 1u) != 0u;
}

/// Where a person's head is: somebody who stands is seven to eight heads high, of somebody before a desk or a webcam
/// the box shows less and is wider. Generous, since heads tilt.
float head_height(vec2 size) { return clamp(0.55 * size.x, 0.2 * size.y, 0.75 * size.y); }

Region region_of(Detection one) {
  Region region;
  region.box = vec4(0.0);
  region.reach = 0.0;
  region.level = 0.0;
  region.reserved = uint[2](0u, 0u);
  bool whole = chosen(pc.whole, one.class_id);
  vec2 size = one.box.zw - one.box.xy;
  if (!whole && !chosen(pc.heads, one.class_id)) return region;
  if (!(size.x > 0.0 && size.y > 0.0 && size.x < 1e6 && size.y < 1e6)) return region;  // nor one that is no number
  region.box = one.box;
  if (!whole) {
    size.y = head_height(size);
    region.box.w = region.box.y + size.y;
  }
  float side = max(size.x, size.y);
  region.reach = max(pc.margin * side, kLeastReach);
  region.level = clamp(log2(pc.cell * side / float(kBlock)), 0.0, pc.top);
  return region;
}

void main() {
  uint found = min(pc.found.header.count, kMaxDetections), total = found + min(pc.added.header.count, kMaxDetections);
  if (gl_GlobalInvocationID.x == 0u) pc.regions.count = total;
  ivec2 blocks = (ivec2(pc.width, pc.height) + int(kBlock) - 1) / int(kBlock);
  for (uint i = gl_WorkGroupID.x; i < total; i += gl_NumWorkGroups.x) {
    Detection one;
    if (i < found) one = pc.found.items[i];
    else one = pc.added.items[i - found];
    Region region = region_of(one);
    if (gl_LocalInvocationID.x == 0u) pc.regions.items[i] = region;
    if (region.reach == 0.0) continue;
    vec2 limit = vec2(blocks * int(kBlock));
    vec2 from = clamp(region.box.xy - region.reach, vec2(0.0), limit);
    vec2 to = clamp(region.box.zw + region.reach, vec2(0.0), limit);
    ivec2 first = ivec2(floor(from / float(kBlock)));
    ivec2 count = min(ivec2(ceil(to / float(kBlock))), blocks) - first;
    if (count.x <= 0 || count.y <= 0) continue;
    for (int k = int(gl_LocalInvocationID.x); k < count.x * count.y; k += int(gl_WorkGroupSize.x)) {
      uint list = uint((first.y + k / count.x) * blocks.x + first.x + k % count.x) * kListWords;
      uint place = atomicAdd(pc.lists.v[list], 1u);
      if (place < kListed) pc.lists.v[list + 1u + place] = i;
    }
    uint level = 1u + uint(region.level / kLevelStep);
    ++count;
    for (int k = int(gl_LocalInvocationID.x); k < count.x * count.y; k += int(gl_WorkGroupSize.x)) {
      atomicMax(pc.nodes.v[(first.y + k / count.x) * (blocks.x + 1) + first.x + k % count.x], level);
    }
  }
}
