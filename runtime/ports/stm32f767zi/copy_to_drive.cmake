# cmake -DFILE=... -DDRIVE=... -P copy_to_drive.cmake: copies a file into a folder that has to be there.
if(NOT IS_DIRECTORY "${DRIVE}")
  message(FATAL_ERROR "there is no drive ${DRIVE}: is the board connected and mounted? cmake -DBOARD_DRIVE=FOLDER says where")
endif()
get_filename_component(NAME "${FILE}" NAME)
execute_process(COMMAND ${CMAKE_COMMAND} -E copy "${FILE}" "${DRIVE}/${NAME}" RESULT_VARIABLE STATUS)
if(NOT STATUS EQUAL 0)
  message(FATAL_ERROR "${FILE} could not be copied to ${DRIVE}")
endif()
