#!/usr/bin/env bash
# debian13-servers.sh: makes .tools/redis8/bin/redis-server and .tools/valkey8/bin/redis-server once: the Redis 8.0 and
# the Valkey 8.1 of Debian 13, or those of this machine. It prints how to start them. `make test-versions` runs tests
# against both.
set -euo pipefail
cd "$(dirname "$0")/.."
root=.tools/debian13/root

make_root() {
  [[ ! -d $root ]] || return 0
  scripts/need.sh debootstrap
  [[ $EUID == 0 ]] || { echo "debootstrap needs root: run this once with sudo." >&2; exit 1; }
  local unfinished
  unfinished=$(mktemp -d)
  debootstrap --variant=minbase --include=redis-server,valkey-server trixie "$unfinished" >&2
  chmod 755 "$unfinished"
  mkdir -p "$(dirname "$root")"
  mv "$unfinished" "$root"
}

make_server() { # make_server PROGRAM VERSION FOLDER
  local server=.tools/$3/bin/redis-server loader
  if [[ ! -x $server ]]; then
    mkdir -p "$(dirname "$server")"
    if "$1" --version 2>/dev/null | grep -q "v=$2\."; then ln -s "$(command -v "$1")" "$server"; else
      make_root
      loader=$(find "$root/usr/lib" -name 'ld-linux-*.so*' -print -quit)
      # The loader and the libraries of that Debian, so that the server runs without chroot, and sees the machine's files.
      cat >"$server" <<SCRIPT
#!/bin/sh
exec "$PWD/$loader" --library-path "$PWD/$(dirname "$loader")" "$PWD/$root/usr/bin/$1" "\$@"
SCRIPT
      chmod 755 "$server"
    fi
  fi
  "$server" --version >&2
  echo "$PWD/$server --port 6379"
}

make_server redis-server 8 redis8
make_server valkey-server 8 valkey8
