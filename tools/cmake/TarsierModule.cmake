# tarsier_module(NAME [SOURCES_EXCLUDE file...] LINK target...)
# One static library per folder under engine/: it sees its own headers and those of the targets that it links,
# so an include across the layers that the design forbids does not compile. Headers are included as "folder/file.hpp".
function(tarsier_module name)
  cmake_parse_arguments(ARG "" "" "LINK;PRIVATE_LINK;EXCLUDE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/engine/${name}/*.cpp
       ${CMAKE_SOURCE_DIR}/engine/${name}/*/*.cpp)
  foreach(excluded IN LISTS ARG_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${excluded}")
  endforeach()
  if(NOT sources)
    file(WRITE ${CMAKE_BINARY_DIR}/generated/${name}_empty.cpp "")
    set(sources ${CMAKE_BINARY_DIR}/generated/${name}_empty.cpp)
  endif()
  # The include folder of a module holds a link to that module alone.
  set(view ${CMAKE_BINARY_DIR}/include/${name})
  file(MAKE_DIRECTORY ${view})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/engine/${name} ${view}/${name} SYMBOLIC)
  add_library(tarsier_${name} STATIC ${sources})
  add_library(tarsier::${name} ALIAS tarsier_${name})
  target_include_directories(tarsier_${name} PUBLIC ${view})
  target_link_libraries(tarsier_${name} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()
