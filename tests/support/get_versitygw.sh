#!/usr/bin/env bash
# get_versitygw.sh: prints the path of a versitygw program, built once with Go into S3PAGER_TEST_CACHE (by default
# ~/.cache/s3pager). Ends with status 77 where there is no Go of 1.25 or later, or no network.
set -euo pipefail

version=v1.7.0
go_floor=1.25

skip() {
  echo "SKIP: versitygw: $*" >&2
  exit 77
}

cache=${S3PAGER_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/s3pager}
program=$cache/versitygw-$version/versitygw
if [ ! -x "$program" ]; then
  go=$(command -v go || command -v /usr/local/go/bin/go) || skip "Go is not installed"
  have=$("$go" env GOVERSION)
  have=${have#go}
  [ "$(printf '%s\n' "$go_floor" "$have" | sort -V | head -n 1)" = "$go_floor" ] ||
    skip "Go is $have, and it needs $go_floor or later"
  mkdir -p "$cache"
  log=$cache/versitygw-$version.log
  bin=$(mktemp -d "$cache/building.XXXXXX")
  trap 'rm -rf "$bin"' EXIT
  GOBIN=$bin GOFLAGS=-modcacherw "$go" install "github.com/versity/versitygw/cmd/versitygw@$version" > "$log" 2>&1 ||
    skip "go install failed: $(tail -n 1 "$log")"
  mkdir -p "$(dirname "$program")"
  mv "$bin/versitygw" "$program"
fi
echo "$program"
