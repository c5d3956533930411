#!/usr/bin/env bash
# bare-root.sh BINARY DIR: creates DIR as a root directory with the binary and only what it needs: the shared libraries
# that ldd names, /tmp, and the configuration for host names. It is also the final stage of the image.
set -euo pipefail
binary=$1 root=$2

[[ ! -e $root ]] || { echo "$root exists already: remove it, or name another directory" >&2; exit 1; }
# Whoever starts the binary must mount /proc, as every container runtime does.
mkdir -p "$root/usr/local/bin" "$root/etc" "$root/proc" "$root/tmp"
chmod 1777 "$root/tmp"
install -m 755 "$binary" "$root/usr/local/bin/ratecache"
# Makes glibc read /etc/hosts and query DNS; whoever starts the binary provides the files.
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

libraries=$(ldd "$binary")
if grep 'not found' <<<"$libraries" >&2; then exit 1; fi
# The vdso is not a file.
grep -o '/[^ ]*' <<<"$libraries" | while read -r library; do
  install -D -m 755 "$library" "$root$library"
done
