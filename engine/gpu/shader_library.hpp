// The SPIR-V that the build embedded, by the shader's path below shaders/ ("kernels/conv2d.comp").
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tarsier::gpu {

struct EmbeddedShader {
  std::string_view name;
  std::span<const uint32_t> words;
};

/// Every embedded shader. Defined in the source that tools/cmake/TarsierShaders.cmake generates.
std::span<const EmbeddedShader> embedded_shaders();
/// The words of one shader; empty where the name is unknown.
std::span<const uint32_t> find_shader(std::string_view name);

}  // namespace tarsier::gpu
