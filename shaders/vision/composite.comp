// The person of the frame before another background. The matte's functions, interpolated, give every pixel's coverage
// from its own colour: that is where the edge comes back to the frame's resolution.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "matte.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kGround = 0;  // vision::Ground
const uint kBlurred = 0, kPicture = 1, kColour = 2, kMatte = 3;

layout(push_constant, std430) uniform Push {
  Words guide;     // the frame that the matte was made of
  Words frame;     // what is shown
  Words ground;    // another picture of the frame's size
  Words blurred;   // the background's own colours, one a cell
  Longs averaged;  // slopes and offset
  Words target;
  int width, height;
  int columns, rows, step;
  float inverse;  // 1 / step
  float colour[3];
} pc;

void main() {
  // The rows between the middles of two rows of cells: what those hold is loaded once for all of them.
  int x = int(gl_GlobalInvocationID.x), band = int(gl_GlobalInvocationID.y);
  int width = pc.width, height = pc.height, columns = pc.columns, step = pc.step;
  Words guide = pc.guide, frame = pc.frame, ground = pc.ground, blurred = pc.blurred, target = pc.target;
  Longs averaged = pc.averaged;
  float inverse = pc.inverse;
  vec3 colour = vec3(pc.colour[0], pc.colour[1], pc.colour[2]);
  float position = (float(x) + 0.5) * inverse - 0.5;
  float whole = floor(position), part = position - whole;
  int left = clamp(int_of(whole), 0, columns - 1), right = clamp(int_of(whole) + 1, 0, columns - 1);
  int above = clamp(band - 1, 0, pc.rows - 1) * columns, below = clamp(band, 0, pc.rows - 1) * columns;
  vec4 upper = mix(load_halves(averaged, above + left), load_halves(averaged, above + right), part);
  vec4 lower = mix(load_halves(averaged, below + left), load_halves(averaged, below + right), part);
  vec3 far_upper = mix(bgr_of(blurred.v[above + left]), bgr_of(blurred.v[above + right]), part);
  vec3 far_lower = mix(bgr_of(blurred.v[below + left]), bgr_of(blurred.v[below + right]), part);
  int first = step * band - (step + 1) / 2;
  for (int k = 0; k < step; ++k) {
    int y = first + k;
    int at = clamp(y, 0, height - 1) * width + min(x, width - 1);
    float down = (float(y) + 0.5) * inverse - (float(band) - 0.5);
    vec4 model = mix(upper, lower, down);
    vec3 own = bgr_of(frame.v[at]);
    float alpha = coverage_of(dot(model.xyz, bgr_of(guide.v[at])) * (1.0 / 255.0) + model.w);
    vec3 behind = mix(far_upper, far_lower, down);
    vec3 result;
    if (kGround == kBlurred) {
      result = mix(behind, own, alpha);
    } else if (kGround == kMatte) {
      result = vec3(alpha * 255.0);
    } else {
      // At the edge the frame shows the person over its own background: that is taken out before the other is put in.
      vec3 person = clamp(own - (1.0 - alpha) * behind, vec3(0.0), vec3(255.0 * alpha));
      result = person + (1.0 - alpha) * (kGround == kPicture ? bgr_of(ground.v[at]) : colour);
    }
    if (x < width && y >= 0 && y < height) target.v[at] = pixel_of(min(result, vec3(255.0)));
  }
}
