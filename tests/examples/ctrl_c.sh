#!/usr/bin/env bash
# ctrl_c.sh EXAMPLES: a SIGINT in mid-run ends the page example: it says what it has read so far, and its status is 130.
set -euo pipefail

bin=$1
work=$(mktemp -d)
origin=
page=
finish() {
  for pid in $page $origin; do kill -KILL "$pid" 2> /dev/null && wait "$pid" 2> /dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
fail() {
  echo "ctrl_c.sh: $*" >&2
  exit 1
}

# Jobs of their own: what a shell starts in the background otherwise ignores SIGINT.
set -m
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_REGION AWS_DEFAULT_REGION AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3
export AWS_ACCESS_KEY_ID=example AWS_SECRET_ACCESS_KEY=not-a-secret
mkfifo "$work/origin" "$work/page"

# More than any machine reads until the signal comes.
"$bin/origin" --port 0 --bucket demo --objects 200000 > "$work/origin" &
origin=$!
exec 3< "$work/origin"
endpoint=
while read -r name value <&3; do
  [ "$name" != endpoint ] || { endpoint=$value; break; }
done
[ -n "$endpoint" ] || fail 'the origin has ended'

"$bin/page" --verbose --ordered --bucket demo --endpoint "$endpoint" > "$work/page" 2> "$work/errors" &
page=$!
exec 4< "$work/page"
read -r first <&4 || fail "page has ended: $(cat "$work/errors")"
kill -INT "$page"
{ echo "$first"; cat <&4; } > "$work/said"
status=0
wait "$page" || status=$?
page=
cat "$work/errors" >&2
[ "$status" -eq 130 ] || fail "page ended with status $status, not 130"
last=$(tail -n 1 "$work/said")
echo "$last"
pages=$(($(wc -l < "$work/said") - 1))
[[ $last == "stopped, ordered: "*" bytes in $pages pages, "*" 0 failures, "* ]] || fail "it does not say that it read $pages pages"
[ ! -s "$work/errors" ] || fail 'there are errors'

kill -TERM "$origin"
status=0
wait "$origin" || status=$?
origin=
[ "$status" -eq 0 ] || fail "the origin ended with status $status"
