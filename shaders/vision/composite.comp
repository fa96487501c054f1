// The person of the frame before another background, or the scene in fog or in the colours of its depth. The matte's
// functions, interpolated, give every pixel's coverage (its nearness) from its own colour: that is where the edge comes
// back to the frame's resolution.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "colour_map.glsl"
#include "matte.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kGround = 0;  // vision::Ground
const uint kBlurred = 0, kPicture = 1, kColour = 2, kMatte = 3, kFog = 4, kDepth = 5;
layout(constant_id = 1) const bool kOneFrame = false;  // guide and frame are the same
layout(constant_id = 2) const bool kPairs = false;     // step and width are even: two pixels a load
layout(constant_id = 3) const int kStep = 4;

layout(push_constant, std430) uniform Push {
  Words guide;     // the frame that the matte was made of
  Words frame;     // what is shown
  Words ground;    // another picture of the frame's size
  Words blurred;   // the background's own colours, one a cell
  Longs averaged;  // slopes and offset
  Words target;
  int width, height;
  int columns, rows;
  float colour[3];
  float amount;
} pc;

// Bilinear between the middles of four cells, as a function of the place between them.
struct Model4 {
  vec4 at, across, down, both;
};
struct Model3 {
  vec3 at, across, down, both;
};

// What is left of the light of something so near: the further it is the less. Nearness is inverse depth up to a shift,
// which is taken to be a tenth of its range.
float light_left(float near, float density) { return exp(-density * (1.0 / (near + 0.1) - 1.0 / 1.1)); }

uint compose(uint own_pixel, uint guide_pixel, uint ground_pixel, vec4 model, vec3 behind, vec3 colour,
             float amount) {
  vec3 own = bgr_of(own_pixel);
  float value = dot(model.xyz, kOneFrame ? own : bgr_of(guide_pixel)) + model.w;
  if (kGround == kFog) return pixel_of(mix(colour, own, light_left(clamp(value, 0.0, 1.0), amount)));
  if (kGround == kDepth) return pixel_of(mix(own, sequential_colour(clamp(value, 0.0, 1.0)), amount));
  float alpha = coverage_of(value);
  if (kGround == kMatte) return pixel_of(vec3(alpha * 255.0));
  if (kGround == kBlurred) return pixel_of(mix(behind, own, alpha));
  // At the edge the frame shows the person over its own background: that is taken out before the other is put in.
  float rest = 1.0 - alpha;
  vec3 person = clamp(own - rest * behind, vec3(0.0), vec3(255.0 * alpha));
  return pixel_of(person + rest * (kGround == kPicture ? bgr_of(ground_pixel) : colour));
}

void main() {
  int column = int(gl_GlobalInvocationID.x), row = int(gl_GlobalInvocationID.y);
  int width = pc.width, height = pc.height, columns = pc.columns, rows = pc.rows;
  Words guide = pc.guide, frame = pc.frame, ground = pc.ground, blurred = pc.blurred, target = pc.target;
  const float inverse = 1.0 / float(kStep);
  float amount = pc.amount;
  vec3 colour = vec3(pc.colour[0], pc.colour[1], pc.colour[2]);
  Block block = block_at(column, row, columns, rows, kStep);
  int corners[4] = block.corners;
  const vec4 kBytes = vec4(vec3(1.0 / 255.0), 1.0);  // colours are taken as bytes
  vec4 a = load_halves(pc.averaged, corners[0]) * kBytes, b = load_halves(pc.averaged, corners[1]) * kBytes;
  vec4 c = load_halves(pc.averaged, corners[2]) * kBytes, d = load_halves(pc.averaged, corners[3]) * kBytes;
  Model4 model = Model4(a, b - a, c - a, d - c - b + a);
  vec3 e = bgr_of(blurred.v[corners[0]]), f = bgr_of(blurred.v[corners[1]]);
  vec3 g = bgr_of(blurred.v[corners[2]]), h = bgr_of(blurred.v[corners[3]]);
  Model3 far = Model3(e, f - e, g - e, h - g - f + e);

  int first_x = block.first_x, first_y = block.first_y;
  float across_0 = block.across, down = block.down;
  for (int j = 0; j < kStep; ++j) {
    vec4 model_0 = model.at + model.down * down, model_x = model.across + model.both * down;
    vec3 far_0 = far.at + far.down * down, far_x = far.across + far.both * down;
    down += inverse;
    int y = first_y + j;
    int start = clamp(y, 0, height - 1) * width;
    bool row_inside = y >= 0 && y < height;
    float across = across_0;
    if (kPairs) {
      // Blocks whose half is odd begin and end within a pair: of those they make the one pixel that is theirs.
      const int odd = (kStep / 2) & 1;
      [[unroll]] for (int i = -odd; i < kStep; i += 2) {
        int x = first_x + i;
        const bool first = i >= 0, second = i + 1 < kStep;
        int at = (start + clamp(x, 0, width - 2)) >> 1;
        uvec2 own = unpackUint2x32(Longs(frame).v[at]);
        uvec2 lead = kOneFrame ? own : unpackUint2x32(Longs(guide).v[at]);
        uvec2 other = kGround == kPicture ? unpackUint2x32(Longs(ground).v[at]) : own;
        uint one = 0u, two = 0u;
        if (first) {
          one = compose(own.x, lead.x, other.x, model_0 + model_x * across, far_0 + far_x * across, colour, amount);
          across += inverse;
        }
        if (second) {
          two = compose(own.y, lead.y, other.y, model_0 + model_x * across, far_0 + far_x * across, colour, amount);
          across += inverse;
        }
        if (row_inside && x >= 0 && x < width) {
          if (first && second) Longs(target).v[at] = packUint2x32(uvec2(one, two));
          else if (first) target.v[2 * at] = one;
          else target.v[2 * at + 1] = two;
        }
      }
    } else {
      [[unroll]] for (int i = 0; i < kStep; ++i) {
        int x = first_x + i;
        int at = start + clamp(x, 0, width - 1);
        uint own = frame.v[at];
        uint result = compose(own, kOneFrame ? own : guide.v[at], kGround == kPicture ? ground.v[at] : own,
                              model_0 + model_x * across, far_0 + far_x * across, colour,
                           amount);
        across += inverse;
        if (row_inside && x >= 0 && x < width) target.v[at] = result;
      }
    }
  }
}
