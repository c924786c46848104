#!/usr/bin/env bash
# with_server.sh radosgw|versitygw COMMAND...: runs the command with a real S3 server on loopback, and ends the server.
# Its status is the command's; 77 if the server cannot run here. The command finds the server in S3PAGER_TEST_ENDPOINT,
# S3PAGER_TEST_ACCESS_KEY, S3PAGER_TEST_SECRET_KEY and S3PAGER_TEST_SERVER, and its pids in the directory
# S3PAGER_TEST_SERVER_DIRECTORY; the endpoint also serves virtual hosts under s3.localhost.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
server=$1
shift
case $server in
  radosgw) start=start_rgw.sh ;;
  versitygw) start=start_versitygw.sh ;;
  *) echo "no such server: $server" >&2; exit 2 ;;
esac

scratch=$(mktemp -d "${TMPDIR:-/tmp}/s3pager-$server.XXXXXX")
child=
finish() {
  [ -z "$child" ] || kill "$child" 2> /dev/null || true
  "$here/stop_server.sh" "$scratch" || true
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

access=$(S3PAGER_SERVER_OWNER=$$ "$here/$start" "$scratch") || exit $?
read -r endpoint access_key secret_key <<< "$access"
export S3PAGER_TEST_SERVER=$server S3PAGER_TEST_ENDPOINT=$endpoint S3PAGER_TEST_SERVER_DIRECTORY=$scratch
export S3PAGER_TEST_ACCESS_KEY=$access_key S3PAGER_TEST_SECRET_KEY=$secret_key

# In the background, since a shell runs its traps only between commands, and waits for this one.
status=0
"$@" < /dev/null &
child=$!
wait "$child" || status=$?
child=
exit "$status"
