# tarsier_embed_shaders(TARGET): compiles every shaders/**/*.{comp,vert,frag} to SPIR-V at build time and adds a
# generated source to TARGET with the table that gpu/shader_library.hpp looks names up in ("kernels/conv2d.comp").
find_program(GLSLC glslc REQUIRED)

function(tarsier_embed_shaders target)
  set(root ${CMAKE_SOURCE_DIR}/shaders)
  file(GLOB_RECURSE shaders CONFIGURE_DEPENDS RELATIVE ${root} ${root}/*.comp ${root}/*.vert ${root}/*.frag)
  set(out ${CMAKE_BINARY_DIR}/shaders)
  set(table "// Generated from shaders/ by tools/cmake/TarsierShaders.cmake.\n#include \"gpu/shader_library.hpp\"\n\nnamespace tarsier::gpu {\nnamespace {\n")
  set(rows "")
  set(outputs "")
  foreach(shader IN LISTS shaders)
    set(inc ${out}/${shader}.inc)
    get_filename_component(dir ${inc} DIRECTORY)
    file(MAKE_DIRECTORY ${dir})
    add_custom_command(
      OUTPUT ${inc}
      COMMAND ${GLSLC} --target-env=vulkan1.2 -O -Werror -I ${root}/include -mfmt=c -MD -MF ${inc}.d -o ${inc} ${root}/${shader}
      DEPENDS ${root}/${shader}
      DEPFILE ${inc}.d
      COMMENT "SPIR-V ${shader}" VERBATIM)
    list(APPEND outputs ${inc})
    string(MAKE_C_IDENTIFIER ${shader} id)
    string(APPEND table "const uint32_t k_${id}[] =\n#include \"${inc}\"\n;\n")
    string(APPEND rows "    {\"${shader}\", k_${id}},\n")
  endforeach()
  string(APPEND table "const EmbeddedShader kShaders[] = {\n${rows}    {{}, {}},\n};\n}  // namespace\n\nstd::span<const EmbeddedShader> embedded_shaders() { return {kShaders, std::size(kShaders) - 1}; }\n}  // namespace tarsier::gpu\n")
  file(GENERATE OUTPUT ${out}/embedded_shaders.cpp CONTENT "${table}")
  set_source_files_properties(${out}/embedded_shaders.cpp PROPERTIES GENERATED TRUE OBJECT_DEPENDS "${outputs}")
  target_sources(${target} PRIVATE ${out}/embedded_shaders.cpp)
endfunction()
