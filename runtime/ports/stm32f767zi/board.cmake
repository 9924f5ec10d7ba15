# STM32F767ZI on a NUCLEO-F767ZI. The board is a drive NOD_F767ZI: copying the .bin onto it flashes it.
set(BOARD_DIR ${CMAKE_CURRENT_LIST_DIR})
set(BOARD_SOURCES ${CMAKE_CURRENT_LIST_DIR}/tinyts_board.c)
set(BOARD_LINKER_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/board.ld)

function(board_add_targets firmware)
  add_custom_target(flash_${firmware}
    COMMAND ${CMAKE_COMMAND} -DFILE=$<TARGET_FILE_DIR:${firmware}>/${firmware}.bin -DDRIVE=${BOARD_DRIVE}
      -P ${BOARD_DIR}/copy_to_drive.cmake
    DEPENDS ${firmware}
    VERBATIM
  )
endfunction()

set(BOARD_DRIVE "/media/$ENV{USER}/NOD_F767ZI" CACHE PATH "where the board's drive is mounted")
