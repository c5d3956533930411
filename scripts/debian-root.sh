#!/usr/bin/env bash
# debian-root.sh BINARY DIR: puts the binary into a Debian as small as debootstrap makes it. That one is kept, since it
# takes a minute to make.
set -euo pipefail
binary=$1 root=$2
debian=.tools/debian-bookworm

[[ ! -e $root ]] || { echo "$root exists" >&2; exit 1; }
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
