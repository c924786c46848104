#!/usr/bin/env bash
# headers_alone.sh COMPILER: each header of the library compiles by itself, twice included, without a warning. Two at a time.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export compiler=$1
check() {
  printf '#include <%s>\n#include <%s>\n' "$1" "$1" |
    "$compiler" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Iinclude -x c++ - ||
    { echo "$1 does not compile alone" >&2; return 1; }
}
export -f check
cd include
find s3pager -name '*.hpp' -print0 | (cd .. && xargs -0 -P 2 -I {} bash -c 'check "$1"' check {})
echo "$(find s3pager -name '*.hpp' | wc -l) headers compile alone"
