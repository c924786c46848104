#!/usr/bin/env bash
# clang_headers.sh: compiles the public headers with a current clang, where there is one, as strictly as our own builds.
# Status 77 and SKIP without.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
for version in 19 18 17 16; do
  command -v clang++-$version > /dev/null || continue
  for header in s3pager.hpp testing/origin_thread.hpp checksum/crc.hpp tls/engine.hpp; do
    echo "clang++-$version $header"
    echo "#include <s3pager/$header>" |
      clang++-$version -std=c++20 -x c++ -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I "$root/include" -
  done
  exit
done
echo 'SKIP: no clang++ of version 16 to 19 here'
exit 77
