# `cmake --install`: the libraries, their headers, the program, and a package
# for find_package(dbproxy).
install(TARGETS dbproxy_messages dbproxy_storage dbproxy_transport
  dbproxy_actors dbproxy_app dbproxy_warnings
  EXPORT dbproxy_targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS dbproxy_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

foreach(folder IN ITEMS messages storage transport actors app)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder}
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/dbproxy
    FILES_MATCHING PATTERN "*.hpp"
    PATTERN "commands" EXCLUDE
    PATTERN "sql" EXCLUDE)
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/dbproxy)
install(EXPORT dbproxy_targets NAMESPACE dbproxy:: DESTINATION ${package_dir})
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/dbproxyConfig.cmake.in
  ${PROJECT_BINARY_DIR}/dbproxyConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/dbproxyConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/dbproxyConfig.cmake
  ${PROJECT_BINARY_DIR}/dbproxyConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindCAF.cmake
  ${PROJECT_SOURCE_DIR}/cmake/dbproxyDependencies.cmake
  DESTINATION ${package_dir})
