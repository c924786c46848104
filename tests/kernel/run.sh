#!/usr/bin/env bash
# run.sh [TEST...]: boots Debian 12's own 6.1 kernel, the oldest that s3pager promises to run on, under qemu and runs these
# test programs in it: by default unit_ring, unit_net and unit_pager of the preset release. Its status is 0 only if every
# one passed and the kernel had nothing to complain of. By hand, on Debian 12 and x86-64; without KVM it takes some minutes.
# S3PAGER_BUILD_DIR: where to build, by default build/.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${S3PAGER_BUILD_DIR:-$root/build}
here=$build/kernel
tests=("$@")
[ ${#tests[@]} != 0 ] || tests=(unit_ring unit_net unit_pager)
mkdir -p "$here"

"$root/tests/support/install_packages.sh" build tests kernel

# The image's only content that is needed is the kernel: io_uring, TCP and tmpfs are built in, so no modules.
kernel() { find "$here" -name 'vmlinuz-6.1.*' | sort -V | tail -n 1; }
if [ -z "$(kernel)" ]; then
  package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-6\.1\..*\)/\1/p')
  [ -n "$package" ] || { echo 'apt knows no 6.1 kernel: this needs Debian 12 (and apt-get update)' >&2; exit 1; }
  (cd "$here" && apt-get -q download "$package")
  dpkg-deb --fsys-tarfile "$here/$package"_*.deb | tar -x -C "$here" --wildcards './boot/vmlinuz-*'
  rm "$here/$package"_*.deb
fi

CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja} cmake -S "$root" --preset release -B "$build/release" > "$here/build.log"
cmake --build "$build/release" --target "${tests[@]}"

image=$here/image
rm -rf "$image"
mkdir -p "$image"/{bin,dev,etc,proc,sys,tests,tmp}
cp /bin/busybox "$image/bin/"
echo '127.0.0.1 localhost' > "$image/etc/hosts"
echo 'hosts: files' > "$image/etc/nsswitch.conf"
for test in "${tests[@]}"; do
  cp "$build/release/tests/$test" "$image/tests/"
  # "libx.so => /path/libx.so (0x...)", and "/path/ld-linux.so (0x...)" for the loader.
  ldd "$build/release/tests/$test" | sed -n 's/.*=> \(\/[^ ]*\) (.*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p'
done | sort -u | while read -r library; do
  install -D "$library" "$image$library"
done

cat > "$image/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
ip link set lo up
ulimit -n 4096
cd /tmp
echo "kernel: $(uname -r)"
for test in /tests/*; do
  echo "running: ${test##*/}"
  timeout 6000 "$test" --durations yes
  echo "status: ${test##*/} $?"
done
dmesg | grep -E 'BUG|WARNING:|Oops|general protection|Call Trace|segfault' | sed 's/^/complaint: /'
echo "end"
poweroff -f
INIT
chmod +x "$image/init"
(cd "$image" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1) > "$here/image.gz"

qemu=
trap '[ -z "$qemu" ] || kill "$qemu" 2> /dev/null || true' EXIT

# boot ACCELERATOR: until the machine is off; fails at once if qemu does, or if the kernel is not up within a minute and a
# half. -no-reboot and panic=-1 turn a panic into the end of qemu. no_timer_check: on a busy machine an emulated timer comes too
# late for what the kernel expects of a real one.
boot() {
  : > "$here/console.log" > "$here/qemu.log"
  timeout 10000 qemu-system-x86_64 -accel "$1" -cpu max -smp 2 -m 3072 -nodefaults -display none -no-reboot \
    -serial "file:$here/console.log" -kernel "$(kernel)" -initrd "$here/image.gz" \
    -append 'console=ttyS0 quiet panic=-1 oops=panic no_timer_check' > "$here/qemu.log" 2>&1 &
  qemu=$!
  local up=
  for _ in {1..90}; do
    if grep -aq '^kernel: ' "$here/console.log"; then up=yes; fi
    if [ -n "$up" ] || ! kill -0 "$qemu" 2> /dev/null; then break; fi
    sleep 1
  done
  [ -n "$up" ] || kill "$qemu" 2> /dev/null || true
  local status=0
  wait "$qemu" || status=$?
  qemu=
  # qemu calls it a success when it is told to end.
  [ -n "$up" ] && [ "$status" = 0 ]
}

# A /dev/kvm that opens may still not work: inside another virtual machine, say.
echo "booting $(basename "$(kernel)"), log in $here/console.log"
if ! { [ -w /dev/kvm ] && boot kvm; }; then
  echo 'no KVM here: booting by emulation'
  boot tcg,thread=multi || { tail -n 5 "$here/qemu.log" >&2; exit 1; }
fi

tr -d '\r' < "$here/console.log" | sed 's/\x1b\[[0-9;]*m//g' > "$here/console.txt"
# The last word is the tests' own: "All tests passed (123 assertions in 45 test cases)".
grep -aE '^(kernel|running|status|complaint): |^(All tests passed|test cases:|assertions:) ' "$here/console.txt" || true
if grep -aq '^kernel: 6\.1\.' "$here/console.txt" && grep -aq '^end$' "$here/console.txt" &&
   ! grep -aq '^complaint: ' "$here/console.txt" &&
   [ "$(grep -ac '^status: [^ ]* 0$' "$here/console.txt")" = ${#tests[@]} ]; then
  echo "PASSED on $(sed -n 's/^kernel: //p' "$here/console.txt")"
else
  tail -n 60 "$here/console.txt" >&2
  echo 'FAILED'
  exit 1
fi
