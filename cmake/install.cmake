# What `cmake --install` lays down: the library, its headers, and the files by which CMake and pkg-config find them. The
# component `python` is what the wheel holds: the library alone, inside the package's folder.
include(CMakePackageConfigHelpers)

install(TARGETS swiftrnn EXPORT swiftrnn
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT development)
install(FILES include/swiftrnn.h include/swiftrnn_models.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/swiftrnn)
install(EXPORT swiftrnn NAMESPACE swiftrnn:: FILE swiftrnn-targets.cmake
  DESTINATION ${package_folder} COMPONENT development)
configure_package_config_file(cmake/swiftrnn-config.cmake.in swiftrnn-config.cmake
  INSTALL_DESTINATION ${package_folder} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break what the one before had.
write_basic_package_version_file(swiftrnn-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/swiftrnn-config.cmake ${PROJECT_BINARY_DIR}/swiftrnn-config-version.cmake
  DESTINATION ${package_folder} COMPONENT development)

# The prefix is told from where the file lies, so that the installed tree can be moved. cmake_path(APPEND) leaves a
# folder that was given as an absolute path as it is.
set(pkgconfig_folder ${CMAKE_INSTALL_PREFIX})
cmake_path(APPEND pkgconfig_folder ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${pkgconfig_folder} OUTPUT_VARIABLE pkgconfig_prefix)
set(pkgconfig_libdir "\${prefix}")
cmake_path(APPEND pkgconfig_libdir ${CMAKE_INSTALL_LIBDIR})
set(pkgconfig_includedir "\${prefix}")
cmake_path(APPEND pkgconfig_includedir ${CMAKE_INSTALL_INCLUDEDIR})
configure_file(cmake/swiftrnn.pc.in swiftrnn.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/swiftrnn.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

# A wheel holds no symbolic links: one file, without the version in its name; in a folder of its own, because tools that
# list a package's modules take every .so beside them for one.
install(FILES $<TARGET_FILE:swiftrnn> DESTINATION swiftrnn/lib RENAME libswiftrnn.so COMPONENT python EXCLUDE_FROM_ALL)
# SKBUILD_METADATA_DIR is scikit-build-core's: the wheel's .dist-info folder.
if(SKBUILD_METADATA_DIR)
  install(FILES LICENSE DESTINATION ${SKBUILD_METADATA_DIR}/licenses COMPONENT python EXCLUDE_FROM_ALL)
endif()
