#!/usr/bin/env bash
# run.sh [--quick|--check|--giant] [--instructions] [--tls 1.2|1.3] [--congestion NAME] [--program PROGRAM] [--json FILE] [--plots DIR]
# [argument of bench]...: measures s3pager beside floors that only copy (epoll, io_uring, SSL_read on sockets), libcurl and wrk, on nginx on loopback with files
# in memory, by plain HTTP and TLS (1.3 by default): large, medium and small objects, one of 2 GiB, the first page, a list of a million
# keys, signing. Contestants and server have a core each; all contestants take turns in each of 15 rounds (--rounds N). Prints a table
# with the medians of the ratios and their 95 % bootstrap intervals, and writes all rounds to build/release/bench.json and pictures to
# build/release/bench_plots, or where --json and --plots say.
# --check says of each goal whether it holds, is short, or undecided, and ends with status 1 if one is short: some 20 minutes.
# --giant measures an object of 100 GiB instead, by one connection and by 16: three minutes a round; nginx makes up its zeros.
# --quick does a little of everything, and only to see that it works. The status is 77 where there is no nginx or wrk.
# --instructions has callgrind count user instructions, where the processor's own count can't be had: some ten minutes more.
# Knobs of s3pager: --window-mib, --slot-kib, --receive-window-kib; of the floors by io_uring: --ring-buffers, --ring-buffer-kib; of first
# pages: --pages, how many a round.
# --congestion: TCP's congestion control, in a network namespace; else what the system has. With BBR, which some have, rounds of the same
# contestant differ more than with cubic, Linux's own default.
# --scene and --only are regular expressions that the names of scenes and of contestants are searched for.
#   tests/bench/run.sh --scene 'plain.*(16|64) lanes$' --only 's3pager|epoll' --rounds 3 --slot-kib 128
# Builds what is missing, preset release, unless a program is given. S3PAGER_BUILD_DIR: where to build, by default build/.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/tests/support
# shellcheck source=../support/server_common.sh
source "$here/server_common.sh"

program=
congestion=
json=
plots=
protocol=1.3
quick=
asked=("$@")
arguments=()
while [ $# != 0 ]; do
  case $1 in
    --quick) quick=1 ;;
    --congestion) congestion=${2:?--congestion needs a name}; shift ;;
    --tls) protocol=${2:?--tls needs a version}; shift ;;
    --program) program=${2:?--program needs a name}; shift ;;
    --plots) plots=${2:?--plots needs a directory}; shift ;;
    --json) json=${2:?--json needs a name}; shift ;;
    -h | --help) sed -n '2,18s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

if [ -z "$program" ]; then
  build=${S3PAGER_BUILD_DIR:-$root/build}/release
  "$here/install_packages.sh" build tests bench > /dev/null
  mkdir -p "$build"
  export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
  if ! (cd "$root" && { [ -f "$build/CMakeCache.txt" ] || cmake --preset release -B "$build" -DS3PAGER_BUILD_TESTS=ON; } &&
        cmake --build "$build" --target bench) > "$build/bench.log" 2>&1; then
    cat "$build/bench.log"
    exit 2
  fi
  program=$build/tests/bench
  json=${json:-$build/bench.json}
fi
[ -n "$json" ] || json=$(dirname "$program")/bench.json
[ -n "$plots" ] || plots=$(dirname "$json")/bench_plots
PATH=$PATH:/usr/sbin:/sbin
need nginx openssl taskset wrk

# In a network of the bench's own, so that nobody else's is changed.
if [ -n "$congestion" ] && [ -n "${S3PAGER_BENCH_OUTSIDE:-}" ] &&
   [ "$S3PAGER_BENCH_OUTSIDE" != "$(readlink /proc/self/ns/net)" ]; then
  if ! echo "$congestion" > /proc/sys/net/ipv4/tcp_congestion_control; then
    echo "TCP's congestion control can't be $congestion here" >&2
    exit 2
  fi
elif [ -n "$congestion" ]; then
  need ip unshare
  for network in '--net' '--user --map-root-user --net'; do
    # shellcheck disable=SC2086
    unshare $network ip link set lo up 2> /dev/null || continue
    # shellcheck disable=SC2086,SC2016
    S3PAGER_BENCH_OUTSIDE=$(readlink /proc/self/ns/net) exec unshare $network sh -c 'ip link set lo up && exec "$@"' sh \
      "$root/tests/bench/run.sh" "${asked[@]}" --program "$program" --json "$json"
  done
  echo 'no network namespace can be made here, which --congestion needs' >&2
  exit 2
fi

umask 077
# The files are of 3 GiB in all; in a container there may be less.
memory=/dev/shm
free_kib=$(df --output=avail "$memory" 2> /dev/null | tail -n 1 || echo 0)
[ -w "$memory" ] && [ "$free_kib" -gt "$((quick ? 1 << 20 : 4 << 20))" ] || memory=${TMPDIR:-/tmp}
scratch=$(mktemp -d "$memory/s3pager-bench.XXXXXX")
mkdir -p "$scratch/log" "$scratch/temporary" "$scratch/data/lists"
S3PAGER_SERVER_OWNER=$$ guard "$scratch"
child=
finish() {
  [ -z "$child" ] || kill "$child" 2> /dev/null || true
  "$here/stop_server.sh" "$scratch" || true
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# As Amazon S3's: RSA of 2,048 bits, of an authority that the client has.
{
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$scratch/ca.key" -out "$scratch/ca.pem" -days 2 -subj '/CN=bench authority' \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
  openssl req -newkey rsa:2048 -nodes -keyout "$scratch/server.key" -out "$scratch/server.csr" -subj /CN=localhost
  printf '%s\n' 'subjectAltName=DNS:localhost,DNS:*.s3.localhost' extendedKeyUsage=serverAuth basicConstraints=CA:FALSE \
    > "$scratch/server.ext"
  openssl x509 -req -in "$scratch/server.csr" -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" -CAcreateserial -days 2 \
    -extfile "$scratch/server.ext" -out "$scratch/server.pem"
} > "$scratch/log/openssl" 2>&1 || give_up "$scratch" 'no certificates could be made'

port=$(free_ports 2)
secure_port=$((port + 1))
cat > "$scratch/nginx.conf" <<CONF
daemon off;
master_process off;
$([ "$(id -u)" != 0 ] || echo 'user root;')
pid $scratch/nginx.pid;
error_log $scratch/log/nginx.error warn;
worker_rlimit_nofile 1024;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path $scratch/temporary/body;
  proxy_temp_path $scratch/temporary/proxy;
  fastcgi_temp_path $scratch/temporary/fastcgi;
  uwsgi_temp_path $scratch/temporary/uwsgi;
  scgi_temp_path $scratch/temporary/scgi;
  default_type application/octet-stream;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000;
  # No name of a variable has a hyphen.
  map \$args \$token { default ''; ~continuation-token=(?<asked>[pr][0-9]+) \$asked; }
  map \$args \$few { default ''; ~max-keys=(?<most>[0-9]+) -\$most; }
  ssl_certificate $scratch/server.pem;
  ssl_certificate_key $scratch/server.key;
  ssl_protocols TLSv$protocol;
  ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256;
  ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
  ssl_session_tickets on;
  server {
    listen 127.0.0.1:$port backlog=1024;
    listen 127.0.0.1:$secure_port ssl backlog=1024;
    root $scratch/data;
    # A page of a list is a file whose name is what it was asked for by.
    location = /bench/ {
      root $scratch/data/lists;
      default_type application/xml;
      try_files /\$arg_prefix\$token\$few.xml /\$arg_prefix\$token.xml =404;
    }
  }
  server {
    listen 127.0.0.1:$secure_port ssl;
    server_name *.s3.localhost;
    root $scratch/data/bench;
  }
}
CONF

# The first and the last core that we may use.
allowed=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
server_core=${allowed%%[,-]*}
client_core=${allowed##*[,-]}
[ "$server_core" != "$client_core" ] || echo 'client and server share the only core: the figures mean little'

daemon "$scratch" taskset -c "$server_core" nginx -p "$scratch" -c "$scratch/nginx.conf" -e "$scratch/log/nginx.error"
wait_until "$scratch" port_answers "$port"

# As the environment of whoever measures may have it.
unset AWS_CA_BUNDLE AWS_SESSION_TOKEN SSL_CERT_FILE SSL_CERT_DIR http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
status=0
umask 022
taskset -c "$client_core" "$program" --port "$port" --secure-port "$secure_port" --ca "$scratch/ca.pem" \
  --data "$scratch/data" --server-core "$server_core" --server "$(nginx -v 2>&1 | sed 's/.*: //')" \
  --wrk "$(wrk -v 2>&1 | sed -n '1s/^wrk \([^ ]*\).*/\1/p')" --protocol "TLS $protocol" --json "$json" --plots "$plots" \
  ${quick:+--quick} "${arguments[@]+"${arguments[@]}"}" < /dev/null &
child=$!
wait "$child" || status=$?
child=
[ "$status" -gt 1 ] || echo "all rounds: $json; pictures: $plots"
exit "$status"
