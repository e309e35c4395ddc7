# The warnings and sanitizers that every target of ours is built with.
add_library(dbproxy_warnings INTERFACE)
add_library(dbproxy::warnings ALIAS dbproxy_warnings)
target_compile_options(dbproxy_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor
  # A false alarm of GCC 12 about std::string (GCC bug 105329).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)

if(DBPROXY_SANITIZE)
  # Without null: a known false alarm inside CAF. Without alignment: it is a
  # third of the time that compiling takes, so it is left to the one file that
  # makes numbers of bytes (storage/CMakeLists.txt).
  add_compile_options(-fsanitize=${DBPROXY_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize=null,alignment -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DBPROXY_SANITIZE})
endif()
