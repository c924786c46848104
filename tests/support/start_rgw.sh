#!/usr/bin/env bash
# start_rgw.sh DIR: starts a throw-away Ceph (one monitor, one OSD in memory, radosgw) on loopback in a second or two.
# Prints `endpoint access-key secret-key`. DIR must be empty or new; it then holds the configuration, logs and pids, and
# stop_server.sh DIR ends it. With S3PAGER_SERVER_OWNER=PID the server also ends when that process does.
# S3PAGER_RGW_EXTRA: more lines for radosgw's section, such as `rgw_max_concurrent_requests = 2`.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=server_common.sh
source "$here/server_common.sh"

need ceph-mon ceph-osd radosgw radosgw-admin monmaptool ceph
dir=$(fresh_directory "$1")
# S3, the monitor, and what the OSD picks from.
port=$(free_ports 62)
conf=$dir/ceph.conf
boot=$dir/log/boot.log
mkdir -p "$dir"/{mon,osd,rgw,run,log}
fsid=$(cat /proc/sys/kernel/random/uuid)
osd_uuid=$(cat /proc/sys/kernel/random/uuid)

cat > "$conf" <<CONF
[global]
fsid = $fsid
mon_host = [v2:127.0.0.1:$((port + 1))]
public_network = 127.0.0.0/8
cluster_network = 127.0.0.0/8
ms_bind_ipv4 = true
ms_bind_ipv6 = false
ms_bind_port_min = $((port + 2))
ms_bind_port_max = $((port + 61))
run_dir = $dir/run
admin_socket = $dir/run/\$name.asok
log_file = $dir/log/\$name.log
crash_dir =
# No cephx; and then no encrypted link to the monitor either, which radosgw would otherwise ask for, and wait for ever.
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc
ms_mon_cluster_mode = crc
ms_mon_service_mode = crc
# One OSD is all there is.
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
# The monitor's pauses for batching would make each of radosgw's pools cost a second.
paxos_propose_interval = 0.02
paxos_min_wait = 0.01

[mon]
mon_data = $dir/mon
mon_initial_members = a
mon_data_avail_crit = 1
mon_data_avail_warn = 2

[osd]
osd_data = $dir/osd
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_class_load_list = *
osd_class_default_list = *
crush_location = root=default host=localhost

[client.rgw]
rgw_data = $dir/rgw
rgw_frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
rgw_dns_name = s3.localhost
rgw_thread_pool_size = 32
rgw_enable_gc_threads = false
rgw_enable_lc_threads = false
rgw_enable_usage_log = false
rgw_enable_ops_log = false
rgw_s3_auth_use_sts = true
rgw_sts_key = abcdefghijklmnop
# Of nginx in front of it, which speaks TLS, it knows nothing.
rgw_crypt_require_ssl = false
debug_rgw = 0/0
${S3PAGER_RGW_EXTRA:-}
CONF

# A monitor refuses a map made for a release more than two before its own, so the map names its own: "... pacific (stable)".
release=$(ceph-mon --version | sed -n 's/.*) \([a-z]*\) (.*/\1/p')

guard "$dir"
{
  monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$((port + 1))]" \
    ${release:+--set-min-mon-release "$release"} "$dir/monmap"
  ceph-mon -c "$conf" -i a --mkfs --monmap "$dir/monmap"
} >> "$boot" 2>&1 || give_up "$dir" 'the monitor could not be set up'
daemon "$dir" ceph-mon -c "$conf" -i a -f
ceph -c "$conf" --connect-timeout 30 osd new "$osd_uuid" >> "$boot" 2>&1 || give_up "$dir" 'the monitor does not answer'

ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$osd_uuid" >> "$boot" 2>&1 || give_up "$dir" 'the OSD could not be set up'
daemon "$dir" ceph-osd -c "$conf" -i 0 -f
osd_is_up() { ceph -c "$conf" --connect-timeout 30 osd stat 2>> "$boot" | grep -q '1 up'; }
wait_until "$dir" osd_is_up

timeout 60 radosgw-admin -c "$conf" -n client.rgw user create --uid=test --display-name=test \
  --access-key="$access_key" --secret-key="$secret_key" --caps='user-policy=*;roles=*' >> "$boot" 2>&1 ||
  give_up "$dir" 'the user could not be made'
daemon "$dir" radosgw -c "$conf" -n client.rgw -f
wait_until "$dir" port_answers "$port"

echo "http://127.0.0.1:$port $access_key $secret_key"
