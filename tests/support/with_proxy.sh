#!/usr/bin/env bash
# with_proxy.sh COMMAND...: runs the command with tinyproxy on loopback, which wants a user name and a password, and ends the proxy.
# Its status is the command's; 77 if there is no tinyproxy. The command finds its URL in S3PAGER_TEST_PROXY.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=server_common.sh
source "$here/server_common.sh"

need tinyproxy
own_scratch proxy
own_daemons
port=$(free_ports 1)
cat > "$scratch/tinyproxy.conf" <<CONF
Port $port
Listen 127.0.0.1
Timeout 60
MaxClients 200
Allow 127.0.0.1
BasicAuth reader open-sesame
LogLevel Connect
CONF
daemon "$scratch" tinyproxy -d -c "$scratch/tinyproxy.conf"
wait_until "$scratch" port_answers "$port"
export S3PAGER_TEST_PROXY=http://reader:open-sesame@127.0.0.1:$port

run_command "$@"
# A proxy that nobody asked would prove nothing.
[[ $S3PAGER_TEST_ENDPOINT == https:* ]] && asked='CONNECT ' || asked='[A-Z]* http://'
if ! grep -q "Request.*: $asked" "$scratch/log/tinyproxy.out"; then
  echo 'no request came through the proxy'
  tail -n 5 "$scratch/log/tinyproxy.out"
  exit 1
fi
exit "$status"
