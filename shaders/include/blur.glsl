// What the passes of vision::RegionBlur share. The picture is divided into blocks; where four meet is a node.
#ifndef TARSIER_BLUR
#define TARSIER_BLUR
#include "vision_types.glsl"

const uint kBlock = 8;                   // pixels, the side of a block and of the finest cell
const uint kListed = 7;                  // regions that a block lists; with more it looks through all
const uint kListWords = 1u + kListed;    // their count, then their indices
const float kLevelStep = 1.0 / 256.0;    // of a node's level, kept as a whole number from 1 on; 0: none

struct Region {
  vec4 box;     // x0, y0, x1, y1 in pixels
  float reach;  // pixels around it that are still touched
  float level;  // of the cells that it is made of
  uint reserved[2];
};
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Regions {
  uint count;
  uint reserved[3];
  Region items[];  // also those that are empty: their boxes are
};
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Vectors { vec4 v[]; };
#endif
