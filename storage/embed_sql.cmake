# Writes OUTPUT, a .cpp file that holds the files SQL_FILES of the folder
# SQL_DIR as raw string literals. Run with cmake -P when one of them changed.

set(code "// Made from the files of storage/sql by embed_sql.cmake.\n")
string(APPEND code "#include \"storage/sql_text.hpp\"\n\n")
string(APPEND code "namespace dbproxy {\n\nnamespace {\n\n")
string(APPEND code "constexpr sql_file files[]{\n")

foreach(path IN LISTS SQL_FILES)
  # Quoted everywhere below: otherwise CMake takes semicolons and brackets for
  # the syntax of its lists.
  file(READ "${SQL_DIR}/${path}" text)
  string(FIND "${text}" ")sql\"" end_of_literal)
  if(NOT end_of_literal EQUAL -1)
    message(FATAL_ERROR "${path} holds the end of a raw string literal")
  endif()
  string(APPEND code "  {\"${path}\", R\"sql(${text})sql\"},\n")
endforeach()

string(APPEND code "};\n\n} // namespace\n\n")
string(APPEND code "std::span<const sql_file> sql_files() {\n")
string(APPEND code "  return files;\n}\n\n} // namespace dbproxy\n")

file(WRITE "${OUTPUT}" "${code}")
