#!/usr/bin/env bash
# run.sh MINUTES: fuzzes every target for an equal part of so many minutes, with libFuzzer and the sanitizers.
# run.sh --smoke: a second each, from the corpus, as ctest runs it.
# Needs a clang with libFuzzer (installed where the distribution has one); status 77 and SKIP without.
# What is found stays in the build directory under fuzz/findings.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${S3PAGER_BUILD_DIR:-$root/build}/fuzz
usage() { echo "usage: run.sh MINUTES | --smoke" >&2; exit 2; }
[ $# = 1 ] || usage
case $1 in
  --smoke) smoke=1 ;;
  *[!0-9]* | '' | 0) usage ;;
  *) smoke=; "$root/tests/support/install_packages.sh" build fuzz ;;
esac

clang=
for version in 19 18 17 16; do
  ! command -v clang++-$version > /dev/null || { clang=clang++-$version; break; }
done
[ -n "$clang" ] || { echo 'SKIP: no clang++ of version 16 to 19 here'; exit 77; }

# As long as it takes to optimize the largest of them, all can be run without.
optimized=-O1
[ -z "$smoke" ] || { build+=/smoke optimized=-O0; }
mkdir -p "$build/findings"
targets=()
for source in "$here"/*_fuzz.cpp; do
  name=$(basename "$source" _fuzz.cpp)
  targets+=("$name")
  if [ ! -x "$build/$name" ] || [ -n "$(find "$root/include" "$here" -newer "$build/$name" -name '*.?pp' -print -quit)" ]; then
    "$clang" -std=c++20 $optimized -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I"$root/include" -I"$root/tests" \
      "$source" -o "$build/$name" -lpugixml -lssl -lcrypto -luring -lcurl -ljansson || { echo "SKIP: $clang cannot build a libFuzzer target"; exit 77; }
  fi
done

[ -n "$smoke" ] && seconds=1 || seconds=$(($1 * 60 / ${#targets[@]}))
for name in "${targets[@]}"; do
  mkdir -p "$build/corpus/$name" "$here/corpus/$name"
  echo "$name: $seconds s"
  status=0
  "$build/$name" -max_total_time=$seconds -print_final_stats=1 -artifact_prefix="$build/findings/$name-" \
    "$build/corpus/$name" "$here/corpus/$name" > "$build/$name.log" 2>&1 || status=$?
  sed -n 's/^stat::number_of_executed_units: */  executions: /p' "$build/$name.log"
  [ $status = 0 ] || { tail -n 60 "$build/$name.log"; echo "a finding: see $build/findings" >&2; exit 1; }
done
