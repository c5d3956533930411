#!/usr/bin/env bash
# redis8.sh: makes .tools/redis8/bin/redis-server once: the machine's own Redis 8, or the Redis 8.0 of Debian 13. It
# prints how to start it. `make test-versions` runs tests against it.
set -euo pipefail
cd "$(dirname "$0")/.."
root=.tools/redis8/root server=.tools/redis8/bin/redis-server

if [[ ! -x $server ]] && redis-server --version 2>/dev/null | grep -q 'v=8\.'; then
  mkdir -p "$(dirname "$server")"
  ln -s "$(command -v redis-server)" "$server"
elif [[ ! -x $server ]]; then
  scripts/need.sh debootstrap
  [[ $EUID == 0 ]] || { echo "debootstrap needs root: run this once with sudo." >&2; exit 1; }
  if [[ ! -d $root ]]; then
    unfinished=$(mktemp -d)
    trap 'rm -rf "$unfinished"' EXIT
    debootstrap --variant=minbase --include=redis-server trixie "$unfinished" >&2
    chmod 755 "$unfinished"
    mkdir -p .tools/redis8
    mv "$unfinished" "$root"
  fi
  loader=$(find "$root/usr/lib" -name 'ld-linux-*.so*' -print -quit)
  mkdir -p "$(dirname "$server")"
  # The loader and the libraries of that Debian, so that the server runs without chroot, and sees the machine's files.
  cat >"$server" <<SCRIPT
#!/bin/sh
exec "$PWD/$loader" --library-path "$PWD/$(dirname "$loader")" "$PWD/$root/usr/bin/redis-server" "\$@"
SCRIPT
  chmod 755 "$server"
fi
"$server" --version >&2
echo "$PWD/$server --port 6379"
