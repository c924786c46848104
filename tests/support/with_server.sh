#!/usr/bin/env bash
# with_server.sh radosgw|versitygw COMMAND...: runs the command with a real S3 server on loopback, and ends the server.
# Its status is the command's; 77 if the server cannot run here. The command finds the server in S3PAGER_TEST_ENDPOINT,
# S3PAGER_TEST_ACCESS_KEY, S3PAGER_TEST_SECRET_KEY and S3PAGER_TEST_SERVER, and its pids in the directory
# S3PAGER_TEST_SERVER_DIRECTORY; the endpoint also serves virtual hosts under s3.localhost.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=server_common.sh
source "$here/server_common.sh"

server=$1
shift
case $server in
  radosgw) start=start_rgw.sh ;;
  versitygw) start=start_versitygw.sh ;;
  *) echo "no such server: $server" >&2; exit 2 ;;
esac

own_scratch "$server"
access=$(S3PAGER_SERVER_OWNER=$$ "$here/$start" "$scratch") || exit $?
read -r endpoint access_key secret_key <<< "$access"
export S3PAGER_TEST_SERVER=$server S3PAGER_TEST_ENDPOINT=$endpoint S3PAGER_TEST_SERVER_DIRECTORY=$scratch
export S3PAGER_TEST_ACCESS_KEY=$access_key S3PAGER_TEST_SECRET_KEY=$secret_key

run_command "$@"
exit "$status"
