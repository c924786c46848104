#!/bin/sh
# layers.sh ROOT: checks ROOT/include against layers.txt (who may include whom) and a few rules that every header keeps.
# Prints each offence as file:line: what, and ends with status 1 if there was one.
set -eu
LC_ALL=C
export LC_ALL

here=$(cd "$(dirname "$0")" && pwd)
cd "$1"

headers=$(mktemp)
trap 'rm -f "$headers"' EXIT
find include/s3pager -type f -name '*.hpp' | sort > "$headers"

offences=$(
  find include -type f ! -path 'include/s3pager/*' | sed 's|$|:1: a file outside include/s3pager|'
  find include/s3pager -type f ! -name '*.hpp' | sed 's|$|:1: not a header (.hpp)|'
  xargs awk -f "$here/layers.awk" "$here/layers.txt" "$headers" < "$headers"
)

if [ -n "$offences" ]; then
  printf '%s\n' "$offences"
  exit 1
fi
echo "no offence in $(wc -l < "$headers") headers"
