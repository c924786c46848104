#!/usr/bin/env bash
# presign.sh EXAMPLES: the presign example makes a URL of an object, has the object by it without credentials, is denied where it was changed,
# and shows it in no message.
set -euo pipefail

bin=$1
work=$(mktemp -d)
origin=
finish() {
  [ -z "$origin" ] || { kill -KILL "$origin" && wait "$origin"; } 2> /dev/null || true
  rm -rf "$work"
}
trap finish EXIT
fail() {
  echo "presign.sh: $*" >&2
  exit 1
}

unset AWS_PROFILE AWS_SESSION_TOKEN AWS_DEFAULT_REGION AWS_ENDPOINT_URL_S3 AWS_ENDPOINT_URL
export AWS_ACCESS_KEY_ID=example AWS_SECRET_ACCESS_KEY=not-a-secret AWS_REGION=us-east-1
mkdir "$work/files"
head -c 3000000 /dev/urandom > "$work/files/some bytes"
mkfifo "$work/origin"
"$bin/origin" --port 0 --bucket demo --directory "$work/files" > "$work/origin" &
origin=$!
exec 3< "$work/origin"
endpoint=
while read -r name value <&3; do
  [ "$name" != endpoint ] || { endpoint=$value; break; }
done
[ -n "$endpoint" ] || fail 'the origin has ended'

url=$(AWS_ENDPOINT_URL=$endpoint "$bin/presign" demo 'some bytes' 5)
[[ $url == "$endpoint/demo/some%20bytes?X-Amz-Algorithm="*"&X-Amz-Expires=300&"* ]] || fail "that is not the object's URL: $url"
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
"$bin/presign" "$url" > "$work/got"
cmp "$work/got" "$work/files/some bytes" || fail 'the object is another one'

status=0
"$bin/presign" "${url}0" > "$work/got" 2> "$work/errors" || status=$?
[ "$status" -eq 1 ] || fail "a changed URL ended with status $status, not 1"
grep -q SignatureDoesNotMatch "$work/errors" || fail "a changed URL ended otherwise: $(cat "$work/errors")"
! grep -q X-Amz "$work/errors" || fail 'the message shows the URL'
