# QEMU's mps3-an547. `run_device` and `run_streaming` connect the firmware's serial line to this terminal.
set(BOARD_SOURCES ${CMAKE_CURRENT_LIST_DIR}/tinyts_board.c)
set(BOARD_LINKER_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/board.ld)

function(board_add_targets firmware)
  add_custom_target(run_${firmware}
    COMMAND qemu-system-arm -M mps3-an547 -display none -monitor none -serial stdio -kernel $<TARGET_FILE:${firmware}>
    DEPENDS ${firmware}
    USES_TERMINAL
  )
endfunction()
