#!/usr/bin/env bash
# run.sh [SEED [OBJECTS]]: pages OBJECTS objects (default 20,000, of 0 B to 64 MiB) in both orders from an origin on which a
# fifth of all requests fail in some way, chosen by SEED (default: a random one), and some objects are put again with other
# bytes meanwhile. Builds what is missing, preset release.
# The last line says what came of it; the status is 0 if all that the library promises held.
# S3PAGER_CHAOS_TLS: with tlsv1.2 or tlsv1.3 all goes by that, through nginx, whose line is the last one then.
# S3PAGER_BUILD_DIR: where to build, by default build/.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
case ${1:-} in
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit ;;
esac
build=${S3PAGER_BUILD_DIR:-$root/build}/release
export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
cd "$root"
tests/support/install_packages.sh build tests > /dev/null
mkdir -p "$build"
if ! { { [ -f "$build/CMakeCache.txt" ] || cmake --preset release -B "$build" -DS3PAGER_BUILD_TESTS=ON; } &&
       cmake --build "$build" --target chaos; } > "$build/chaos.log" 2>&1; then
  cat "$build/chaos.log"
  exit 2
fi
exec ${S3PAGER_CHAOS_TLS:+tests/support/with_nginx.sh "$S3PAGER_CHAOS_TLS"} "$build/tests/chaos" "$@"
