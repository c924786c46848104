#!/usr/bin/env bash
# start_versitygw.sh DIR: starts versitygw, an S3 server over a plain folder, on loopback. Prints `endpoint access-key
# secret-key`; stop_server.sh DIR ends it. It comes from get_versitygw.sh; where that cannot get it, ends with status 77.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=server_common.sh
source "$here/server_common.sh"

program=$("$here/get_versitygw.sh") || exit $?
dir=$(fresh_directory "$1")
mkdir -p "$dir"/{data,versions,log,meta}
port=$(free_ports 1)

guard "$dir"
export ROOT_ACCESS_KEY=$access_key ROOT_SECRET_KEY=$secret_key
daemon "$dir" "$program" --port "127.0.0.1:$port" --virtual-domain s3.localhost --quiet \
  posix --versioning-dir "$dir/versions" "$dir/data"
wait_until "$dir" port_answers "$port"

echo "http://127.0.0.1:$port $access_key $secret_key"
