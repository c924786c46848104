#!/usr/bin/env bash
# restart_rgw.sh DIR: kills the radosgw that start_rgw.sh started in DIR, as `kill -9` does, and starts another one on the
# same port. Prints its pid when the port answers.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=server_common.sh
source "$here/server_common.sh"

dir=$1
# The last one started.
pid=$(tail -n 1 "$dir/pids")
kill -KILL "$pid"
sed -i '$d' "$dir/pids"
port=$(sed -n 's/.*endpoint=127\.0\.0\.1:\([0-9]*\).*/\1/p' "$dir/ceph.conf")
while port_answers "$port"; do sleep 0.05; done
daemon "$dir" radosgw -c "$dir/ceph.conf" -n client.rgw -f
wait_until "$dir" port_answers "$port"
tail -n 1 "$dir/pids"
