#include "gpu/shader_library.hpp"

#include <algorithm>

namespace tarsier::gpu {

std::span<const uint32_t> find_shader(std::string_view name) {
  const auto shaders = embedded_shaders();
  const auto found = std::ranges::find(shaders, name, &EmbeddedShader::name);
  return found == shaders.end() ? std::span<const uint32_t>{} : found->words;
}

}  // namespace tarsier::gpu
