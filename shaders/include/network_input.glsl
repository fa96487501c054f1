// How a network's input of three channels lies in memory (vision::InputStore), and how a pass writes a pixel there.
// Include after vision_types.glsl.
#ifndef TARSIER_NETWORK_INPUT
#define TARSIER_NETWORK_INPUT
#extension GL_EXT_control_flow_attributes : require

const uint kPlanarF32 = 0, kInterleavedF32 = 1, kC4F32 = 2, kC4F16 = 3, kPlanarF16 = 4, kInterleavedF16 = 5;

/// Halves without padding channels: a word holds two elements that may belong to different pixels, rows or planes, so
/// an invocation makes a word, not a pixel.
bool makes_words(uint store) { return store == kPlanarF16 || store == kInterleavedF16; }

/// Pixel and channel of an element for stores that make words.
uvec2 pixel_channel(uint store, uint element, uint plane) {
  return store == kPlanarF16 ? uvec2(element % plane, element / plane) : uvec2(element / 3u, element % 3u);
}

/// For the other stores. `plane`: pixels of the input.
void store_pixel(uint store, Words target, uint plane, uint pixel, vec3 value) {
  if (store == kPlanarF32) {
    [[unroll]] for (uint c = 0; c < 3; ++c) target.v[c * plane + pixel] = floatBitsToUint(value[c]);
  } else if (store == kInterleavedF32) {
    [[unroll]] for (uint c = 0; c < 3; ++c) target.v[pixel * 3u + c] = floatBitsToUint(value[c]);
  } else if (store == kC4F32) {
    Longs(target).v[2u * pixel] = packUint2x32(floatBitsToUint(value.xy));
    Longs(target).v[2u * pixel + 1u] = packUint2x32(uvec2(floatBitsToUint(value.z), 0u));
  } else {
    Longs(target).v[pixel] = packUint2x32(uvec2(packHalf2x16(value.xy), packHalf2x16(vec2(value.z, 0.0))));
  }
}
#endif
