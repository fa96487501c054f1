# Debian's libimgui.a calls Vulkan's functions by their own names and takes them from libvulkan, while volk defines
# *variables* of the same names: linked into one program, the backend would jump into data. So volk's variables get
# another name by macro: engine/gpu/vulkan.hpp includes the header generated here, which ends by including volk.h.
find_path(VOLK_INCLUDE_DIR volk.h REQUIRED)
file(STRINGS ${VOLK_INCLUDE_DIR}/volk.h lines REGEX "^extern PFN_vk[A-Za-z0-9_]+ vk[A-Za-z0-9_]+;")
set(text "// Generated from volk.h by tools/cmake/TarsierVolk.cmake.\n#pragma once\n")
foreach(line IN LISTS lines)
  string(REGEX REPLACE "^extern PFN_vk[A-Za-z0-9_]+ (vk[A-Za-z0-9_]+);.*" "\\1" name "${line}")
  string(APPEND text "#define ${name} volk_${name}\n")
endforeach()
string(APPEND text "#include <volk.h>\n")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/tarsier_volk.h CONTENT "${text}" @ONLY)

# tarsier_volk(TARGET): TARGET and all that link it see the renamed functions.
function(tarsier_volk target)
  target_include_directories(${target} PUBLIC ${CMAKE_BINARY_DIR}/generated)
endfunction()
