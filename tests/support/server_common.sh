# What the scripts that start servers and proxies, and those that run a command with one, share; sourced by them.
# shellcheck shell=bash

# The pair of AWS's documentation, which no service accepts: it may stand in logs.
access_key=AKIAIOSFODNN7EXAMPLE
secret_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY

# Ends the script with the status that means "cannot run here".
skip() {
  echo "SKIP: $*" >&2
  exit 77
}

need() {
  local program
  for program; do
    command -v "$program" > /dev/null || skip "$program is not installed"
  done
}

# fresh_directory DIR: makes it and prints its absolute name.
fresh_directory() {
  mkdir -p "$1"
  if [ -n "$(ls -A "$1")" ]; then
    echo "$1 is not empty: give a new directory" >&2
    return 2
  fi
  (cd "$1" && pwd)
}

port_answers() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

# free_ports COUNT: prints the first of COUNT ports in a row that nobody listens on. They lie below those that the kernel
# gives to outgoing connections, and are random, so that two runs at once hardly ever meet.
free_ports() {
  local first port
  for _ in {1..100}; do
    first=$((12000 + RANDOM % (20000 - $1)))
    for ((port = first; port < first + $1; ++port)); do
      ! port_answers "$port" || continue 2
    done
    echo "$first"
    return
  done
  echo 'no free ports between 12000 and 32000' >&2
  return 1
}

# daemon DIR COMMAND...: starts it in the background and records its pid. It keeps no descriptor of ours: whoever reads our
# output waits for its end.
daemon() {
  local dir=$1
  shift
  setsid "$@" < /dev/null >> "$dir/log/${1##*/}.out" 2>&1 &
  echo $! >> "$dir/pids"
}

# guard DIR: ends the server if this script fails, and when S3PAGER_SERVER_OWNER ends without having stopped it (a test
# killed at its timeout, say).
guard() {
  : > "$1/pids"
  # shellcheck disable=SC2064  # DIR is meant as it is now
  trap "status=\$?; [ \$status = 0 ] || '$here/stop_server.sh' '$1'" EXIT
  [ -z "${S3PAGER_SERVER_OWNER:-}" ] || end_with "$S3PAGER_SERVER_OWNER" "$1"
}

# end_with PID DIR: the servers of DIR, and DIR itself, when that process ends.
end_with() {
  setsid bash -c '
    while kill -0 "$1" && [ -e "$2/pids" ]; do sleep 1; done
    [ ! -e "$2/pids" ] || { "$3" "$2" && rm -rf "$2"; }
  ' guard "$1" "$2" "$here/stop_server.sh" < /dev/null > /dev/null 2>&1 &
}

# own_scratch NAME: makes a directory for a server, $scratch. When this script ends, so do it, the server, and the command of
# run_command.
own_scratch() {
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/s3pager-$1.XXXXXX")
  child=
  trap end_all EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}
end_all() {
  [ -z "$child" ] || kill "$child" 2> /dev/null || true
  "$here/stop_server.sh" "$scratch" || true
  rm -rf "$scratch"
}

# own_daemons: lets daemon() start some in $scratch, which end even if this script is killed.
own_daemons() {
  mkdir "$scratch/log"
  : > "$scratch/pids"
  end_with $$ "$scratch"
}

# run_command COMMAND...: leaves its status in $status. It runs in the background, since a shell runs its traps only between
# commands, and waits for this one.
run_command() {
  status=0
  "$@" < /dev/null &
  child=$!
  wait "$child" || status=$?
  child=
}

# wait_until DIR COMMAND...: until it succeeds, at most 60 s, and no longer than all daemons live.
wait_until() {
  local dir=$1 pid
  shift
  for _ in {1..600}; do
    ! "$@" || return 0
    while read -r pid; do
      kill -0 "$pid" 2> /dev/null || give_up "$dir" "a daemon ended by itself"
    done < "$dir/pids"
    sleep 0.1
  done
  give_up "$dir" "waited in vain for: $*"
}

give_up() {
  echo "the server did not start: $2" >&2
  tail -n 15 "$1"/log/* >&2 || true
  exit 1
}
