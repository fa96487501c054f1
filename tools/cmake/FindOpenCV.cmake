# OpenCV by its parts. Debian's CMake files for it lie in libopencv-dev, which brings every module of OpenCV with
# VTK and more (over a gigabyte); the engine uses a few, each with a small package of its own. A full installation
# (another prefix by CMAKE_PREFIX_PATH or OpenCV_DIR) is taken as it is.
find_package(OpenCV QUIET CONFIG COMPONENTS ${OpenCV_FIND_COMPONENTS})
if(OpenCV_FOUND)
  return()
endif()

find_path(OpenCV_INCLUDE_DIR opencv2/core.hpp PATH_SUFFIXES opencv4)
set(OpenCV_parts OpenCV_INCLUDE_DIR)
foreach(part IN LISTS OpenCV_FIND_COMPONENTS)
  find_library(OpenCV_${part}_LIBRARY opencv_${part})
  list(APPEND OpenCV_parts OpenCV_${part}_LIBRARY)
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OpenCV REQUIRED_VARS ${OpenCV_parts})
if(OpenCV_FOUND)
  foreach(part IN LISTS OpenCV_FIND_COMPONENTS)
    if(NOT TARGET opencv_${part})
      add_library(opencv_${part} UNKNOWN IMPORTED)
      set_target_properties(opencv_${part} PROPERTIES IMPORTED_LOCATION ${OpenCV_${part}_LIBRARY}
                            INTERFACE_INCLUDE_DIRECTORIES ${OpenCV_INCLUDE_DIR})
    endif()
  endforeach()
endif()
mark_as_advanced(${OpenCV_parts})
