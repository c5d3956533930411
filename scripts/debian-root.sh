#!/usr/bin/env bash
# debian-root.sh BINARY DIR: installs the binary into a minimal Debian made by debootstrap. The Debian is stored for
# later runs, because creating it takes a minute.
set -euo pipefail
binary=$1 root=$2
debian=.tools/debian-bookworm

[[ ! -e $root ]] || { echo "$root exists already: remove it, or name another directory" >&2; exit 1; }
if [[ ! -d $debian ]]; then
  unfinished=$(mktemp -d)
  trap 'rm -rf "$unfinished"' EXIT
  debootstrap --variant=minbase bookworm "$unfinished" >&2
  chmod 755 "$unfinished"
  mkdir -p .tools
  mv "$unfinished" "$debian"
fi
cp -a "$debian" "$root"
install -m 755 "$binary" "$root/usr/local/bin/ratecache"
