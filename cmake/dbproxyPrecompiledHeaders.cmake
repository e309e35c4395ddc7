# The typed interface of the proxy has a message for each method and takes most
# of the time of every file that includes it.

# dbproxy_precompile(target header)
function(dbproxy_precompile target header)
  if(DBPROXY_PRECOMPILED_HEADERS)
    target_precompile_headers(${target} PRIVATE
      "${PROJECT_SOURCE_DIR}/${header}")
  endif()
endfunction()
