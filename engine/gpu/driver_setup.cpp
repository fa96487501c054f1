#include "gpu/driver_setup.hpp"

#include <cstdlib>
#include <dlfcn.h>
#include <mutex>
#include <nlohmann/json.hpp>

#include "core/file.hpp"
#include "core/log.hpp"

namespace tarsier::gpu {
namespace {

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

/// The driver library that an ICD manifest names; empty where the manifest is not usable.
std::filesystem::path library_of(const std::filesystem::path& manifest) {
  auto text = read_text(manifest);
  if (!text) return {};
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.contains("ICD") || !json["ICD"].is_object()) return {};
  const auto path = json["ICD"].value("library_path", std::string());
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) ? std::filesystem::path(path)
                                                       : std::filesystem::path();
}

void use_bundled_mesa() {
  for (const char* name : {"VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES"}) {
    if (is_set(name)) return;
  }
  const auto manifest = home_dir() / ".tarsier" / "mesa" / "lvp_icd.json";
  std::error_code error;
  if (!std::filesystem::exists(manifest, error)) return;
  const auto library = library_of(manifest);
  if (library.empty()) {
    log::warn("{} does not name an existing driver library: run tools/setup again", manifest.string());
    return;
  }
  // The driver's own libdrm lies beside it. Loading it first makes it findable by name when the Vulkan loader
  // opens the driver; global visibility adds its newer functions where the process already has an older
  // libdrm.
  const auto drm = library.parent_path() / "libdrm.so.2";
  if (std::filesystem::exists(drm, error) && dlopen(drm.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    log::warn("cannot load {}: {}", drm.string(), dlerror());
    return;
  }
  setenv(has_hardware_gpu() ? "VK_ADD_DRIVER_FILES" : "VK_DRIVER_FILES", manifest.c_str(), 1);
}

void separate_shader_caches() {
  if (is_set("MESA_SHADER_CACHE_DIR") || is_set("MESA_SHADER_CACHE_DISABLE")) return;
  const auto folder =
      cache_dir() / "mesa-shaders" / shader_cache_folder(std::getenv("LP_NATIVE_VECTOR_WIDTH"));
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) setenv("MESA_SHADER_CACHE_DIR", folder.c_str(), 1);
}

}  // namespace

std::string shader_cache_folder(const char* native_vector_width) {
  std::string name = "width-";
  bool any = false;
  for (const char* c = native_vector_width; c != nullptr && *c >= '0' && *c <= '9'; ++c, any = true)
    name += *c;
  return any ? name : name + "default";
}

bool has_hardware_gpu() {
  std::error_code error;
  for (const char* path : {"/dev/nvidiactl", "/dev/dxg"}) {
    if (std::filesystem::exists(path, error)) return true;
  }
  for (const auto& entry : std::filesystem::directory_iterator("/dev/dri", error)) {
    if (entry.path().filename().string().starts_with("renderD")) return true;
  }
  return false;
}

void set_up_driver_search() {
  static std::once_flag once;
  std::call_once(once, [] {
    use_bundled_mesa();
    separate_shader_caches();
  });
}

}  // namespace tarsier::gpu
