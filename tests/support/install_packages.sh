#!/usr/bin/env bash
# install_packages.sh build|tests|bench|fuzz|kernel...: installs what these need and this machine lacks, from the distribution
# (Debian 12 or later, Ubuntu 24.04). Asks dpkg first: where nothing is missing it touches nothing and needs no network
# or root.
set -euo pipefail

packages=()
for role; do
  case $role in
    build) packages+=(g++ cmake ninja-build ccache pkg-config
                      liburing-dev libcurl4-openssl-dev libssl-dev libpugixml-dev libjansson-dev) ;;
    tests) packages+=(catch2 curl openssl valgrind ceph-mon ceph-osd ceph-common radosgw tinyproxy-bin nginx) ;;
    bench) packages+=(iproute2 nginx openssl wrk) ;;
    fuzz) packages+=(clang-NEWEST libclang-rt-NEWEST-dev) ;;
    kernel) packages+=(qemu-system-x86 busybox-static cpio) ;;
    *) echo "no such role: $role" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query > /dev/null; then
  echo "This is not Debian or Ubuntu: install the equivalents of ${packages[*]} yourself." >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  # Any clang that the fuzz targets can be built with will do.
  if [[ $package == *NEWEST* ]]; then
    installed=
    for version in 19 18 17 16; do
      [[ $(dpkg-query -W -f '${Status}' "${package/NEWEST/$version}" 2> /dev/null) != *' installed' ]] || installed=1
    done
    [ -n "$installed" ] || missing+=("$package")
    continue
  fi
  # pkg-config is only a name for pkgconf on newer releases, so what dpkg knows under it is not asked.
  [ "$package" != pkg-config ] || ! command -v pkg-config > /dev/null || continue
  [[ $(dpkg-query -W -f '${Status}' "$package" 2> /dev/null) == *' installed' ]] || missing+=("$package")
done
[ ${#missing[@]} != 0 ] || exit 0

# The newest clang that is in the distribution; which one that is, its lists say.
newest_clang() {
  local version
  for version in 19 18 17 16; do
    [ -z "$(apt-cache policy "clang-$version" 2> /dev/null | grep -E 'Candidate: [0-9]')" ] || { echo "$version"; return; }
  done
  echo 16
}

as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo > /dev/null || { echo "run as root, or install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"; }
echo "installing ${missing[*]}"
apt update
# nginx's package would have it serve port 80, from now on and whenever the machine starts, and there is none of the program
# alone. (Without systemd nothing keeps it from that but the machine's own policy-rc.d, such as containers have.)
if [[ " ${missing[*]} " == *' nginx '* && -d /run/systemd/system ]]; then
  systemctl() { "${as_root[@]}" env systemctl --quiet "$@"; }
  systemctl mask --runtime nginx.service
  trap 'systemctl unmask --runtime nginx.service; systemctl disable nginx.service' EXIT
fi
apt install -y --no-install-recommends "${missing[@]//NEWEST/$(newest_clang)}"
