# Installs the headers and the package that find_package(s3pager) reads.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(s3pager_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/s3pager")

target_include_directories(s3pager INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
install(DIRECTORY include/s3pager DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
install(TARGETS s3pager EXPORT s3pagerTargets)
install(EXPORT s3pagerTargets NAMESPACE s3pager:: DESTINATION "${s3pager_package_dir}")

configure_package_config_file(cmake/s3pagerConfig.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/s3pagerConfig.cmake"
  INSTALL_DESTINATION "${s3pager_package_dir}")
# Headers only, so the package fits every architecture. Before 1.0 a minor version may break.
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/s3pagerConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/s3pagerConfig.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/s3pagerConfigVersion.cmake"
  cmake/FindLiburing.cmake
  cmake/FindJansson.cmake
  DESTINATION "${s3pager_package_dir}")
