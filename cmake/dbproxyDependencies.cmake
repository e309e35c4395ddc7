# What dbproxy is built on. Also read by the installed package, so that a host
# application finds the same libraries.
find_package(Threads REQUIRED)
find_package(CAF 0.17.6 REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_package(cppzmq REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(spdlog REQUIRED)
