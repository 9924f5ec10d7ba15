# The applications as programs of this machine, which talk over standard input and output. The caller has made the library
# ${MODEL}, and says with MODEL_CAN_STREAM whether it can be fed rows.
set(SOURCE serial CACHE STRING "where streamed rows come from: serial, generator, or a C file with tinyts_source_next_row")

set(DESK_DIR ${CMAKE_CURRENT_LIST_DIR})
set(APPLICATIONS_DIR ${CMAKE_CURRENT_LIST_DIR}/../../applications)

function(add_program program)
  add_executable(${program} ${ARGN}
    ${APPLICATIONS_DIR}/tinyts_console.c ${APPLICATIONS_DIR}/tinyts_model_data.c ${DESK_DIR}/tinyts_port.c)
  target_include_directories(${program} PRIVATE ${APPLICATIONS_DIR})
  target_compile_features(${program} PRIVATE c_std_11)
  target_link_libraries(${program} PRIVATE ${MODEL})
endfunction()

add_program(device ${APPLICATIONS_DIR}/tinyts_main_device.c ${APPLICATIONS_DIR}/tinyts_device.c)
include(${APPLICATIONS_DIR}/tinyts_device.cmake)
if(MODEL_CAN_STREAM)
  if(EXISTS ${APPLICATIONS_DIR}/tinyts_source_${SOURCE}.c)
    set(SOURCE_FILE ${APPLICATIONS_DIR}/tinyts_source_${SOURCE}.c)
  else()
    get_filename_component(SOURCE_FILE ${SOURCE} ABSOLUTE)
  endif()
  add_program(streaming ${APPLICATIONS_DIR}/tinyts_main_streaming.c ${APPLICATIONS_DIR}/tinyts_streaming.c ${SOURCE_FILE})
endif()
