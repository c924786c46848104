#!/usr/bin/env bash
# with_nginx.sh tlsv1.2|tlsv1.3 COMMAND...: runs the command with nginx on loopback, which speaks that version of TLS and
# passes everything on to S3PAGER_TEST_ENDPOINT, and ends nginx. Its status is the command's; 77 if there is no nginx; not 0 if
# a request did not come by that version, or none by a connection that resumed an earlier one's session.
# The command finds nginx in S3PAGER_TEST_ENDPOINT, its authority's certificate in AWS_CA_BUNDLE, and what S3PAGER_TEST_ENDPOINT
# was in S3PAGER_TEST_PLAIN_ENDPOINT; if it was nothing, that is where the command has to listen itself.
# This nginx is a process of its own: neither the system's, if one runs, nor its configuration is touched.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=server_common.sh
source "$here/server_common.sh"

case $1 in
  tlsv1.2) protocol=TLSv1.2 ;;
  tlsv1.3) protocol=TLSv1.3 ;;
  *) echo "no such version: $1" >&2; exit 2 ;;
esac
shift
PATH=$PATH:/usr/sbin
need nginx openssl

own_scratch nginx
own_daemons
port=$(free_ports 2)
plain=${S3PAGER_TEST_ENDPOINT:-http://127.0.0.1:$((port + 1))}

# An authority, and what it says of this server: virtual hosts are under s3.localhost.
certify() { openssl "$@" >> "$scratch/log/openssl.out" 2>&1 || give_up "$scratch" 'the certificates could not be made'; }
key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
certify req -x509 "${key[@]}" -keyout "$scratch/authority.key" -out "$scratch/authority.pem" -days 2 \
  -subj '/CN=s3pager tests' -addext 'keyUsage=critical,keyCertSign'
certify req "${key[@]}" -keyout "$scratch/server.key" -out "$scratch/server.csr" -subj '/CN=nginx'
cat > "$scratch/server.extensions" <<CONF
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,DNS:s3.localhost,DNS:*.s3.localhost,IP:127.0.0.1
CONF
certify x509 -req -in "$scratch/server.csr" -CA "$scratch/authority.pem" -CAkey "$scratch/authority.key" -CAcreateserial \
  -out "$scratch/server.pem" -days 2 -extfile "$scratch/server.extensions"

# One process, that ends as a whole when it is killed. A connection serves few requests, so that others resume its session.
# Neither are bodies kept nor requests made twice: who asked sees what the server does, and how it fails.
cat > "$scratch/nginx.conf" <<CONF
daemon off;
master_process off;
pid $scratch/nginx.pid;
error_log $scratch/log/nginx.error.log;
worker_rlimit_nofile 4096;
events { worker_connections 2048; }
http {
  log_format seen '\$connection \$ssl_protocol \$ssl_session_reused \$status \$upstream_status \$host \$request';
  access_log $scratch/log/access.log seen;
  client_body_temp_path $scratch/tmp;
  proxy_temp_path $scratch/tmp;
  fastcgi_temp_path $scratch/tmp;
  uwsgi_temp_path $scratch/tmp;
  scgi_temp_path $scratch/tmp;
  upstream plain {
    server ${plain#http://};
    keepalive 64;
  }
  server {
    listen 127.0.0.1:$port ssl backlog=1024;
    ssl_protocols $protocol;
    ssl_certificate $scratch/server.pem;
    ssl_certificate_key $scratch/server.key;
    ssl_session_cache shared:sessions:4m;
    keepalive_requests 50;
    client_max_body_size 0;
    location / {
      proxy_pass http://plain;
      proxy_http_version 1.1;
      proxy_set_header Connection '';
      proxy_set_header Host \$http_host;
      proxy_redirect off;
      proxy_request_buffering off;
      proxy_buffering off;
      proxy_buffer_size 64k;
      proxy_buffers 4 64k;
      proxy_next_upstream off;
    }
  }
}
CONF
daemon "$scratch" nginx -p "$scratch" -c "$scratch/nginx.conf" -e "$scratch/log/nginx.error.log"
wait_until "$scratch" port_answers "$port"
export S3PAGER_TEST_ENDPOINT=https://127.0.0.1:$port S3PAGER_TEST_PLAIN_ENDPOINT=$plain AWS_CA_BUNDLE=$scratch/authority.pem

run_command "$@"
awk -v protocol="$protocol" -v command="$status" '
  { ++requests; if ($2 != protocol) ++others; if (!seen[$1]++) { ++connections; if ($3 == "r") ++resumed } }
  END {
    printf "nginx: %d requests by %d connections of %s, %d of them resumed; %d requests by something else\n",
      requests, connections, protocol, resumed, others
    exit command == 0 && (others > 0 || resumed == 0)
  }' "$scratch/log/access.log" || status=1
exit "$status"
