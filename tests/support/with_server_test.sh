#!/usr/bin/env bash
# with_server_test.sh radosgw|versitygw: the server is real, checks signatures and serves virtual hosts; the command's status
# comes back; nothing is left running.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ "${2:-}" = inside ]; then
  # An owner that is killed is the guard's part of the test.
  [ -z "${3:-}" ] || { echo "$$ ${S3PAGER_TEST_ENDPOINT##*:}" > "$3"; exec sleep 600; }
  s3() { curl --silent --output /dev/null --write-out '%{http_code}' --max-time 30 --aws-sigv4 aws:amz:us-east-1:s3 "$@"; }
  expect() { [ "$2" = "$3" ] || { echo "$1: expected $2, got $3"; exit 1; }; }
  good=$S3PAGER_TEST_ACCESS_KEY:$S3PAGER_TEST_SECRET_KEY
  hash() { printf '%s' "$1" | sha256sum | cut -d ' ' -f 1; }
  empty="x-amz-content-sha256: $(hash '')"
  at=$S3PAGER_TEST_ENDPOINT/scripts
  expect 'make a bucket' 200 "$(s3 --user "$good" -H "$empty" -X PUT "$at")"
  expect 'put an object' 200 "$(s3 --user "$good" -H "x-amz-content-sha256: $(hash hello)" -X PUT --data-binary hello "$at/a")"
  expect 'get it' 200 "$(s3 --user "$good" -H "$empty" "$at/a")"
  expect 'a wrong secret' 403 "$(s3 --user "${good}x" -H "$empty" "$at/a")"
  expect 'a missing key' 404 "$(s3 --user "$good" -H "$empty" "$at/b")"
  port=${S3PAGER_TEST_ENDPOINT##*:}
  expect 'a virtual host' 200 "$(s3 --user "$good" -H "$empty" --resolve "scripts.s3.localhost:$port:127.0.0.1" \
    "http://scripts.s3.localhost:$port/a")"
  exit 5
fi

command -v curl > /dev/null || { echo 'SKIP: curl is not installed' >&2; exit 77; }
status=0
"$here/with_server.sh" "$1" "$0" "$1" inside || status=$?
[ "$status" != 77 ] || exit 77
[ "$status" = 5 ] || { echo "expected the command's status 5, got $status"; exit 1; }

# shellcheck source=server_common.sh
source "$here/server_common.sh"
up=$(mktemp)
trap 'rm -f "$up"' EXIT
"$here/with_server.sh" "$1" "$0" "$1" inside "$up" &
owner=$!
until [ -s "$up" ]; do kill -0 "$owner"; sleep 0.1; done
read -r command port < "$up"
kill -KILL "$owner" "$command"
wait "$owner" 2> /dev/null || true
for _ in {1..150}; do
  port_answers "$port" || { echo "$1: signatures checked, status passed on, nothing left running"; exit 0; }
  sleep 0.1
done
echo 'the server outlived its owner'
exit 1
