#!/usr/bin/env bash
# quickstart.sh: installs what is missing, builds the examples, and pages through some hundred objects in both modes.
# They come from an S3 server of our own on loopback; or, with S3PAGER_BUCKET (and if need be S3PAGER_PREFIX,
# S3PAGER_ENDPOINT) set, from your own bucket, with the credentials and region in your environment.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${S3PAGER_BUILD_DIR:-$root/build}/quickstart

"$root/tests/support/install_packages.sh" build

mkdir -p "$build"
log=$build/quickstart.log
echo "building the examples in $build"
if ! { CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja} cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release \
         -DCMAKE_CXX_FLAGS_RELEASE='-O2 -DNDEBUG' -DS3PAGER_BUILD_TESTS=OFF -DS3PAGER_BUILD_EXAMPLES=ON &&
       cmake --build "$build" --target example_origin example_page; } > "$log" 2>&1; then
  tail -n 40 "$log" >&2
  exit 1
fi
bin=$build/examples

origin=
finish() {
  [ -z "$origin" ] || { kill "$origin" && wait "$origin"; } 2> /dev/null || true
  rm -f "$build/origin.out"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -n "${S3PAGER_BUCKET:-}" ]; then
  where=(--bucket "$S3PAGER_BUCKET")
  [ -z "${S3PAGER_PREFIX:-}" ] || where+=(--prefix "$S3PAGER_PREFIX")
  [ -z "${S3PAGER_ENDPOINT:-}" ] || where+=(--endpoint "$S3PAGER_ENDPOINT")
else
  # Only for the demo: whatever your environment says of S3 is not for this server.
  unset AWS_SESSION_TOKEN AWS_PROFILE AWS_DEFAULT_REGION AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3
  export AWS_ACCESS_KEY_ID=quickstart AWS_SECRET_ACCESS_KEY=not-a-secret AWS_REGION=us-east-1
  "$bin/origin" --port 0 --bucket demo --objects 300 --seed 1 > "$build/origin.out" &
  origin=$!
  until grep -q '^endpoint ' "$build/origin.out"; do
    kill -0 "$origin" 2> /dev/null || { echo 'origin ended at once' >&2; exit 1; }
    sleep 0.05
  done
  endpoint=$(sed -n 's/^endpoint //p' "$build/origin.out")
  held=$(sed -n 's/^objects \([0-9]*\) bytes \([0-9]*\)$/\1 objects, \2 bytes/p' "$build/origin.out")
  echo "origin: $held in bucket demo at $endpoint"
  where=(--bucket demo --endpoint "$endpoint")
fi

for mode in --ordered --unordered; do
  echo "page $mode ${where[*]}"
  read_=$("$bin/page" "$mode" "${where[@]}")
  echo "$read_"
  if [ -n "$origin" ] && [[ $read_ != *": $held in "* ]]; then
    echo "that is not what the origin holds: $held" >&2
    exit 1
  fi
done
