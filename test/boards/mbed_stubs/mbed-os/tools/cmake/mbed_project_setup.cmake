# Comes behind project().
if(NOT CMAKE_C_COMPILER OR NOT CMAKE_CXX_COMPILER OR NOT CMAKE_ASM_COMPILER)
  message(FATAL_ERROR "mbed_project_setup: expected the languages C, CXX and ASM")
endif()

function(mbed_set_post_build target)
  set_property(GLOBAL APPEND PROPERTY MBED_PROGRAMS ${target})
endfunction()

# mbed-baremetal holds objects: libraries that link it would have them twice.
function(mbed_finalize_build)
  get_property(done GLOBAL PROPERTY MBED_FINALIZED SET)
  if(done)
    message(FATAL_ERROR "mbed_finalize_build: called although mbed does so by itself")
  endif()
  set_property(GLOBAL PROPERTY MBED_FINALIZED TRUE)
  get_property(targets DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target ${targets})
    get_target_property(type ${target} TYPE)
    get_target_property(libraries ${target} LINK_LIBRARIES)
    if(type MATCHES "LIBRARY" AND "mbed-baremetal" IN_LIST libraries)
      message(FATAL_ERROR "${target}: a library may link mbed-core-flags, not mbed-baremetal")
    endif()
    if(type STREQUAL "STATIC_LIBRARY" AND NOT "mbed-core-flags" IN_LIST libraries)
      message(FATAL_ERROR "${target}: compiled without the flags of the chip")
    endif()
  endforeach()
  get_property(programs GLOBAL PROPERTY MBED_PROGRAMS)
  message(STATUS "mbed programs: ${programs}")
endfunction()

# As Mbed CE has it: what the top-level file need not call any more.
cmake_language(DEFER DIRECTORY ${CMAKE_SOURCE_DIR} ID mbed_finalize_build CALL mbed_finalize_build)
