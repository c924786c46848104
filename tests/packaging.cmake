# Each header compiles by itself, and s3pager works in somebody else's project.

add_test(NAME headers.each_compiles_alone
  COMMAND "${CMAKE_CURRENT_SOURCE_DIR}/support/headers_alone.sh" "${CMAKE_CXX_COMPILER}")
set_tests_properties(headers.each_compiles_alone PROPERTIES TIMEOUT 1200 LABELS headers PROCESSORS 2)

# A user's warning flags, on headers that are not hidden behind -isystem.
add_executable(consumer_odr consumer/odr/main.cpp consumer/odr/other.cpp)
target_link_libraries(consumer_odr PRIVATE s3pager::s3pager)
target_compile_options(consumer_odr PRIVATE -O0 -Wall -Wextra -Wconversion -Wshadow -Werror)
add_test(NAME consumer.odr COMMAND consumer_odr)

set(consumer_options
  "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}"
  "-DCMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}"
  "-DCMAKE_CXX_FLAGS=${CMAKE_CXX_FLAGS}")

# add_consumer(NAME OPTION...): the project consumer/NAME configures, builds and runs.
function(add_consumer name)
  add_test(NAME consumer.${name} COMMAND "${CMAKE_CTEST_COMMAND}"
    --build-and-test "${CMAKE_CURRENT_SOURCE_DIR}/consumer/${name}" "${CMAKE_CURRENT_BINARY_DIR}/consumer/${name}"
    --build-generator "${CMAKE_GENERATOR}"
    --build-options ${consumer_options} ${ARGN}
    --test-command consumer)
endfunction()

add_consumer(fetchcontent "-DFETCHCONTENT_SOURCE_DIR_S3PAGER=${PROJECT_SOURCE_DIR}")

set(prefix "${CMAKE_CURRENT_BINARY_DIR}/consumer/prefix")
add_test(NAME consumer.install COMMAND "${CMAKE_COMMAND}" --install "${CMAKE_BINARY_DIR}" --prefix "${prefix}")
add_consumer(installed "-DCMAKE_PREFIX_PATH=${prefix}")
set_tests_properties(consumer.install PROPERTIES FIXTURES_SETUP installed)
set_tests_properties(consumer.installed PROPERTIES FIXTURES_REQUIRED installed)

set_tests_properties(consumer.odr consumer.fetchcontent consumer.install consumer.installed PROPERTIES
  TIMEOUT 600 LABELS consumer)
