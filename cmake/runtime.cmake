# The Swift runtime as libswiftrnn is linked with it: a copy of libswiftCore.a whose public functions may go if nothing
# calls them (unretain.c), without the names of Unicode's scalars (scalar_name.c). Sets swift_runtime, the folder of the
# runtime's static libraries, and gives the target swift_core to link with.
execute_process(COMMAND ${CMAKE_Swift_COMPILER} -static-stdlib -print-target-info
  OUTPUT_VARIABLE swift_info COMMAND_ERROR_IS_FATAL ANY)
string(JSON swift_runtime GET "${swift_info}" paths runtimeResourcePath)
string(APPEND swift_runtime /linux)

add_executable(unretain cmake/unretain.c)
set(copy ${CMAKE_CURRENT_BINARY_DIR}/runtime/libswiftCore.a)
file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/runtime)
add_custom_command(OUTPUT ${copy}
  COMMAND unretain ${swift_runtime}/libswiftCore.a ${copy}
  DEPENDS unretain ${swift_runtime}/libswiftCore.a
  COMMENT "Taking the marks from libswiftCore.a's functions" VERBATIM)
add_custom_target(swift_core_copy DEPENDS ${copy})
add_library(scalar_name OBJECT cmake/scalar_name.c)

# Before -static-stdlib's own: what the copy has defined, the linker does not look for in libswiftCore.a.
add_library(swift_core INTERFACE)
add_dependencies(swift_core swift_core_copy)
target_link_libraries(swift_core INTERFACE $<TARGET_OBJECTS:scalar_name> ${copy})
target_link_options(swift_core INTERFACE LINKER:--wrap=_swift_stdlib_getScalarName)
