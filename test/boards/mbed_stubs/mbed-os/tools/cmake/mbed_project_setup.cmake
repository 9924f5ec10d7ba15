# Comes behind project().
if(NOT CMAKE_C_COMPILER OR NOT CMAKE_CXX_COMPILER OR NOT CMAKE_ASM_COMPILER)
  message(FATAL_ERROR "mbed_project_setup: expected the languages C, CXX and ASM")
endif()

function(mbed_set_post_build target)
  set_property(GLOBAL APPEND PROPERTY MBED_PROGRAMS ${target})
endfunction()

function(mbed_finalize_build)
  get_property(programs GLOBAL PROPERTY MBED_PROGRAMS)
  message(STATUS "mbed programs: ${programs}")
endfunction()
