# tarsier_embed_shaders(TARGET): compiles every shaders/**/*.{comp,vert,frag} to SPIR-V at build time and adds a
# generated source to TARGET with the table that gpu/shader_library.hpp looks names up in ("kernels/conv2d.comp").
#
# Shaders named *_matrix.comp use GL_KHR_cooperative_matrix, which Debian 12's compiler does not know. They are compiled
# by glslc where it does, else by the newer glslang that tools/setup brings, and left out where there is neither: the
# program then looks for their names in vain and offers no matrix kernels.
find_program(GLSLC glslc REQUIRED)

set(TARSIER_GLSLANG_DIR ${CMAKE_SOURCE_DIR}/.tarsier/glslang CACHE PATH "A newer glslang: bin/ and lib/ (tools/setup)")

# Sets TARSIER_MATRIX_COMPILER to glslc, glslang or nothing.
function(tarsier_find_matrix_compiler)
  set(probe ${CMAKE_BINARY_DIR}/shaders/probe_matrix.comp)
  file(WRITE ${probe} "#version 460\n#extension GL_KHR_cooperative_matrix : require\nvoid main() {}\n")
  set(compiler "")
  execute_process(COMMAND ${GLSLC} --target-env=vulkan1.2 -o ${probe}.spv ${probe}
                  RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(failed EQUAL 0)
    set(compiler glslc)
  elseif(EXISTS ${TARSIER_GLSLANG_DIR}/bin/glslang)
    execute_process(COMMAND ${CMAKE_COMMAND} -E env LD_LIBRARY_PATH=${TARSIER_GLSLANG_DIR}/lib
                            ${TARSIER_GLSLANG_DIR}/bin/glslang -V --target-env vulkan1.2 -o ${probe}.spv ${probe}
                    RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if(failed EQUAL 0)
      set(compiler glslang)
    endif()
  endif()
  if(NOT compiler)
    message(STATUS "notice: no GLSL compiler for cooperative matrices (tools/setup brings one): built without those kernels")
  endif()
  set(TARSIER_MATRIX_COMPILER "${compiler}" PARENT_SCOPE)
endfunction()

function(tarsier_embed_shaders target)
  set(root ${CMAKE_SOURCE_DIR}/shaders)
  file(GLOB_RECURSE shaders CONFIGURE_DEPENDS RELATIVE ${root} ${root}/*.comp ${root}/*.vert ${root}/*.frag)
  set(out ${CMAKE_BINARY_DIR}/shaders)
  set(table "// Generated from shaders/ by tools/cmake/TarsierShaders.cmake.\n#include \"gpu/shader_library.hpp\"\n\nnamespace tarsier::gpu {\nnamespace {\n")
  set(rows "")
  set(outputs "")
  tarsier_find_matrix_compiler()
  foreach(shader IN LISTS shaders)
    set(inc ${out}/${shader}.inc)
    get_filename_component(dir ${inc} DIRECTORY)
    file(MAKE_DIRECTORY ${dir})
    set(matrix_shader OFF)
    if(shader MATCHES "_matrix[.]comp$")
      set(matrix_shader ON)
    endif()
    if(matrix_shader AND NOT TARSIER_MATRIX_COMPILER)
      continue()
    endif()
    if(matrix_shader AND TARSIER_MATRIX_COMPILER STREQUAL "glslang")
      set(env ${CMAKE_COMMAND} -E env LD_LIBRARY_PATH=${TARSIER_GLSLANG_DIR}/lib)
      set(glslang ${env} ${TARSIER_GLSLANG_DIR}/bin/glslang -V --quiet --target-env vulkan1.2 -I${root}/include)
      set(validate "")
      if(EXISTS ${TARSIER_GLSLANG_DIR}/bin/spirv-val)  # Debian 12's does not know the instructions
        set(validate COMMAND ${env} ${TARSIER_GLSLANG_DIR}/bin/spirv-val --target-env vulkan1.3 ${inc}.spv)
      endif()
      add_custom_command(
        OUTPUT ${inc}
        COMMAND ${glslang} -o ${inc}.spv ${root}/${shader}
        ${validate}
        COMMAND ${glslang} -x --depfile ${inc}.d -o ${inc} ${root}/${shader}
        DEPENDS ${root}/${shader}
        DEPFILE ${inc}.d
        COMMENT "SPIR-V ${shader} (glslang)" VERBATIM)
      set(braces "{" "}")
    else()
      add_custom_command(
        OUTPUT ${inc}
        COMMAND ${GLSLC} --target-env=vulkan1.2 -O -Werror -I ${root}/include -mfmt=c -MD -MF ${inc}.d -o ${inc} ${root}/${shader}
        DEPENDS ${root}/${shader}
        DEPFILE ${inc}.d
        COMMENT "SPIR-V ${shader}" VERBATIM)
      set(braces "" "")
    endif()
    list(GET braces 0 open)
    list(GET braces 1 close)
    list(APPEND outputs ${inc})
    string(MAKE_C_IDENTIFIER ${shader} id)
    string(APPEND table "const uint32_t k_${id}[] = ${open}\n#include \"${inc}\"\n${close};\n")
    string(APPEND rows "    {\"${shader}\", k_${id}},\n")
  endforeach()
  string(APPEND table "const EmbeddedShader kShaders[] = {\n${rows}    {{}, {}},\n};\n}  // namespace\n\nstd::span<const EmbeddedShader> embedded_shaders() { return {kShaders, std::size(kShaders) - 1}; }\n}  // namespace tarsier::gpu\n")
  file(GENERATE OUTPUT ${out}/embedded_shaders.cpp CONTENT "${table}")
  set_source_files_properties(${out}/embedded_shaders.cpp PROPERTIES GENERATED TRUE OBJECT_DEPENDS "${outputs}")
  target_sources(${target} PRIVATE ${out}/embedded_shaders.cpp)
endfunction()
