#!/usr/bin/env bash
# proxy.sh [SEED] [OBJECTS]: pages objects of 0 B to 4 MiB from radosgw, in both orders, through a proxy that cuts, delays
# and re-chunks; by default 20,000 of them and a random seed, which the last line says. Builds what it needs.
# S3PAGER_PRESET: release by default; asan is slower and sees more. S3PAGER_BUILD_DIR: where to build, by default build/.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
preset=${S3PAGER_PRESET:-release}
build=${S3PAGER_BUILD_DIR:-$root/build}/$preset
export S3PAGER_CHAOS_SEED=${1:-$((RANDOM * 32768 + RANDOM + 1))} S3PAGER_CHAOS_OBJECTS=${2:-20000}

cmake --preset "$preset" -B "$build" -DS3PAGER_BUILD_TESTS=ON > /dev/null
cmake --build "$build" --target integration > /dev/null
status=0
tests/support/with_server.sh radosgw "$build/tests/integration" '[proxy]' || status=$?
echo "proxy: $S3PAGER_CHAOS_OBJECTS objects twice, seed $S3PAGER_CHAOS_SEED: $([ $status = 0 ] && echo passed || echo "FAILED ($status)")"
exit $status
