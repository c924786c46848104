#!/usr/bin/env bash
# stop_server.sh DIR: ends the processes recorded in DIR/pids, the last started first, and waits until they are gone.
set -uo pipefail

[ -e "$1/pids" ] || exit 0
mapfile -t pids < "$1/pids"
# A zombie counts as gone: in a container nobody may ever reap it.
any_alive() {
  local pid status
  for pid in "${pids[@]}"; do
    if { status=$(< "/proc/$pid/stat"); } 2> /dev/null && [[ $status != *') Z '* ]]; then return 0; fi
  done
  return 1
}

for ((i = ${#pids[@]} - 1; i >= 0; --i)); do kill "${pids[i]}" 2> /dev/null; done
# There is nothing to keep: what takes longer than a second is killed.
for _ in {1..20}; do any_alive && sleep 0.05; done
for pid in "${pids[@]}"; do kill -KILL "$pid" 2> /dev/null; done
for _ in {1..100}; do any_alive && sleep 0.05; done
if any_alive; then
  echo "processes of $1 do not end: ${pids[*]}" >&2
  exit 1
fi
rm -f "$1/pids"
