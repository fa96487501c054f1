// Makes the Vulkan loader find a good driver without the user having to set environment variables.
#pragma once

#include <filesystem>
#include <string>

namespace tarsier::gpu {

/// Whether the machine shows a hardware GPU to this process: a DRM render node, NVIDIA's control device or
/// WSL's.
[[nodiscard]] bool has_hardware_gpu();

/// Once per process, before the first Vulkan instance:
///  - where tools/setup put a Mesa of our own under <home>/.tarsier/mesa and the user named no driver, that
///  Mesa's
///    software device replaces the system's (no hardware GPU) or is offered beside it (hardware GPU);
///  - Mesa's shader cache goes to a folder of its own for each vector width, because its key ignores the
///  width and
///    code compiled for another width would be run.
void set_up_driver_search();

/// The folder name below <cache>/mesa-shaders/ for the vector width that the environment asks for.
[[nodiscard]] std::string shader_cache_folder(const char* native_vector_width);

}  // namespace tarsier::gpu
