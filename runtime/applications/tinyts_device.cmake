# What the target `device` says of itself, for runners that look for certain texts; empty: what device.c has.
set(DEVICE_VENDOR "" CACHE STRING "what the device answers to `name`")
set(DEVICE_PROFILE "" CACHE STRING "what the device answers to `profile`")
foreach(text DEVICE_VENDOR DEVICE_PROFILE)
  if(NOT ${text} STREQUAL "")
    target_compile_definitions(device PRIVATE "TINYTS_${text}=\"${${text}}\"")
  endif()
endforeach()
