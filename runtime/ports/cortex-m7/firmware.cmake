# The applications as firmware of a board. The caller has made the library ${MODEL}, and says with MODEL_CAN_STREAM whether
# it can be fed rows. A board is a folder beside this one whose board.cmake sets BOARD_SOURCES and BOARD_LINKER_SCRIPT,
# and defines board_add_targets(firmware).
set(BOARD stm32f767zi CACHE STRING "the board: a folder of ports/")
set(ARENA dtcm CACHE STRING "where the model's arena lies: dtcm or ram")
set(WEIGHTS flash CACHE STRING "where the model's weights lie: flash or qspi")
set(SOURCE serial CACHE STRING "where streamed rows come from: serial, generator, or a C file with tinyts_source_next_row")
option(ENERGY_MODE "timestamps are edges on a pin instead of microseconds on the serial line" OFF)

set(PORTS_DIR ${CMAKE_CURRENT_LIST_DIR}/..)
set(APPLICATIONS_DIR ${CMAKE_CURRENT_LIST_DIR}/../../applications)
if(NOT EXISTS ${PORTS_DIR}/${BOARD}/board.cmake)
  message(FATAL_ERROR "BOARD: there is no ports/${BOARD}/board.cmake")
endif()
include(${PORTS_DIR}/${BOARD}/board.cmake)

# The macros of NAME.h that say where things lie begin with NAME in upper case; the sections are those of cortex-m7/sections.ld.
string(TOUPPER ${MODEL} MODEL_MACROS)
set(ARENA_SECTION_dtcm ".bss.dtcm")
set(ARENA_SECTION_ram ".bss.arena")
set(WEIGHTS_SECTION_flash ".weights")
set(WEIGHTS_SECTION_qspi ".qspi")
foreach(part ARENA WEIGHTS)
  if(NOT DEFINED ${part}_SECTION_${${part}})
    message(FATAL_ERROR "${part}: no such place: ${${part}}")
  endif()
  target_compile_definitions(${MODEL} PUBLIC
    "${MODEL_MACROS}_${part}_ATTR=__attribute__((section(\"${${part}_SECTION_${${part}}}\")))")
endforeach()
target_compile_definitions(${MODEL} PUBLIC "${MODEL_MACROS}_TABLES_ATTR=__attribute__((section(\".tables\")))")
# -fcallgraph-info leaves, beside each object, what tinyts-sizes computes the bound of the stack from.
set(FIRMWARE_COMPILE_OPTIONS -Wall -Wextra -Werror -fcallgraph-info=su)
target_compile_options(${MODEL} PRIVATE ${FIRMWARE_COMPILE_OPTIONS})

function(add_firmware firmware)
  add_executable(${firmware} ${ARGN}
    ${APPLICATIONS_DIR}/tinyts_console.c ${APPLICATIONS_DIR}/tinyts_model_data.c
    ${PORTS_DIR}/cortex-m7/tinyts_startup.c ${PORTS_DIR}/cortex-m7/tinyts_cortex_m7.c ${BOARD_SOURCES})
  target_include_directories(${firmware} PRIVATE ${APPLICATIONS_DIR} ${PORTS_DIR}/cortex-m7)
  target_compile_features(${firmware} PRIVATE c_std_11)
  target_compile_options(${firmware} PRIVATE ${FIRMWARE_COMPILE_OPTIONS})
  target_compile_definitions(${firmware} PRIVATE TINYTS_DEVICE_ENERGY_MODE=$<BOOL:${ENERGY_MODE}>)
  target_link_libraries(${firmware} PRIVATE ${MODEL})
  target_link_options(${firmware} PRIVATE
    -nostartfiles -Wl,--gc-sections -L${PORTS_DIR}/cortex-m7 -L${APPLICATIONS_DIR} -T${BOARD_LINKER_SCRIPT}
    -Wl,-Map=${CMAKE_CURRENT_BINARY_DIR}/${firmware}.map)
  set_target_properties(${firmware} PROPERTIES SUFFIX .elf LINK_DEPENDS
    "${BOARD_LINKER_SCRIPT};${PORTS_DIR}/cortex-m7/sections.ld;${APPLICATIONS_DIR}/model_memory.ld")
  add_custom_command(TARGET ${firmware} POST_BUILD VERBATIM
    COMMAND ${CMAKE_OBJCOPY} -O binary -R .qspi $<TARGET_FILE:${firmware}> ${firmware}.bin)
  if(WEIGHTS STREQUAL qspi)
    add_custom_command(TARGET ${firmware} POST_BUILD VERBATIM
      COMMAND ${CMAKE_OBJCOPY} -O binary -j .qspi $<TARGET_FILE:${firmware}> ${firmware}.qspi.bin)
  endif()
  board_add_targets(${firmware})
endfunction()

add_firmware(device ${APPLICATIONS_DIR}/tinyts_main_device.c ${APPLICATIONS_DIR}/tinyts_device.c)
include(${APPLICATIONS_DIR}/tinyts_device.cmake)
if(MODEL_CAN_STREAM)
  if(EXISTS ${APPLICATIONS_DIR}/tinyts_source_${SOURCE}.c)
    set(SOURCE_FILE ${APPLICATIONS_DIR}/tinyts_source_${SOURCE}.c)
  else()
    get_filename_component(SOURCE_FILE ${SOURCE} ABSOLUTE)
  endif()
  add_firmware(streaming ${APPLICATIONS_DIR}/tinyts_main_streaming.c ${APPLICATIONS_DIR}/tinyts_streaming.c ${SOURCE_FILE})
endif()
