#!/usr/bin/env bash
# run.sh [--preset NAME]... [ctest argument]...: installs what is missing, builds and runs all tests, by default with the
# presets release and asan, and tsan if no test is chosen. Ends with what ran; its status is 0 only if everything that ran passed.
#   tests/run.sh --preset release -R 'ring/'
# S3PAGER_WARNINGS_AS_ERRORS=ON makes a warning fail the build.
# S3PAGER_BUILD_DIR: where to build, by default build/.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

presets=()
arguments=()
while [ $# != 0 ]; do
  case $1 in
    --preset) presets+=("${2:?--preset needs a name}"); shift ;;
    --preset=*) presets+=("${1#*=}") ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
if [ ${#presets[@]} = 0 ]; then
  presets=(release asan)
  # Of few layers, so that a choice might leave nothing of it.
  [ ${#arguments[@]} != 0 ] || presets+=(tsan)
fi

build=${S3PAGER_BUILD_DIR:-$root/build}
mkdir -p "$build"
export S3PAGER_TEST_CACHE=${S3PAGER_TEST_CACHE:-$build/cache}
export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}

tests/support/install_packages.sh build tests bench fuzz

# A compiler with the sanitizers takes up to 1.5 GB for one file.
jobs=$(nproc)
memory_jobs=$(awk '/^MemAvailable/ { print int($2 / 1500000) }' /proc/meminfo)
[ "$jobs" -le "$memory_jobs" ] || jobs=$((memory_jobs > 0 ? memory_jobs : 1))

# Once, and not under a test's timeout. Where it cannot be had its tests say SKIP.
versitygw_missing=
tests/support/get_versitygw.sh > /dev/null 2> "$build/versitygw" || versitygw_missing=$(cat "$build/versitygw")

failed=()
total=0
skipped=0
for preset in "${presets[@]}"; do
  rm -f "$build/$preset/ctest.log"
  echo "== $preset: building"
  strict=${S3PAGER_WARNINGS_AS_ERRORS:-}
  # With the sanitizers they would take minutes to build, for code that the tests have as well.
  case $preset in asan | tsan) examples=OFF ;; *) examples=ON ;; esac
  if ! { cmake --preset "$preset" -B "$build/$preset" \
           -DS3PAGER_BUILD_TESTS=ON -DS3PAGER_BUILD_EXAMPLES=$examples \
           ${strict:+"-DS3PAGER_WARNINGS_AS_ERRORS=$strict"} &&
         cmake --build "$build/$preset" --parallel "$jobs"; }; then
    failed+=("$preset (build)")
    continue
  fi
  echo "== $preset: testing"
  log=$build/$preset/ctest.log
  # No tests at all would be a mistake of ours, never a success.
  ctest --test-dir "$build/$preset" --output-on-failure --no-tests=error --parallel "$jobs" \
    "${arguments[@]+"${arguments[@]}"}" 2>&1 | tee "$log" || failed+=("$preset")
  total=$((total + $(sed -n 's/.* tests failed out of \([0-9]*\)$/\1/p' "$log" | tail -n 1)))
  skipped=$((skipped + $(grep -c '\*\*\*Skipped' "$log" || true)))
done

[ -z "$versitygw_missing" ] || echo "$versitygw_missing"
summary="$((total - skipped)) tests ran, $skipped skipped, with ${presets[*]}"
if [ ${#failed[@]} != 0 ]; then
  # Once more, as the last of what was printed may be all that is kept.
  for preset in "${presets[@]}"; do
    log=$build/$preset/ctest.log
    [ ! -f "$log" ] || awk -v preset="$preset" '
      /^ *[0-9]+\/[0-9]+ Test / { shown = /\*\*\*/ && !/\*\*\*Skipped/; lines = 0; if (shown) print "== " preset ": " $0; next }
      /^ *Start / || /^[0-9]+% tests passed/ { shown = 0 }
      shown && ++lines <= 40' "$log"
  done
  echo "FAILED: ${failed[*]}; $summary"
  exit 1
fi
echo "PASSED: $summary"
