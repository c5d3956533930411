#!/usr/bin/env bash
# bare-root.sh BINARY DIR: makes DIR a root directory that holds the binary and what it cannot do without, and nothing
# else: the shared libraries that ldd names, a place for temporary files, and where to look host names up. It is the
# final stage of the image.
set -euo pipefail
binary=$1 root=$2

[[ ! -e $root ]] || { echo "$root exists" >&2; exit 1; }
# /proc is mounted by whoever starts it, as every container runtime does.
mkdir -p "$root/usr/local/bin" "$root/etc" "$root/proc" "$root/tmp"
chmod 1777 "$root/tmp"
install -m 755 "$binary" "$root/usr/local/bin/ratecache"
# glibc looks into a file, and asks name servers, by itself; the files themselves come from whoever starts it.
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

libraries=$(ldd "$binary")
if grep 'not found' <<<"$libraries" >&2; then exit 1; fi
# The vdso is no file.
grep -o '/[^ ]*' <<<"$libraries" | while read -r library; do
  install -D -m 755 "$library" "$root$library"
done
