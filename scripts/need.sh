#!/usr/bin/env bash
# need.sh PROGRAM...: installs missing programs with apt-get (as root) or Homebrew. If neither works, it prints what to
# install and exits 1. A name that begins with a slash is a file.
set -euo pipefail

package() { # package MANAGER PROGRAM: the package that contains the program
  case $1:$2 in
    apt:redis-server) echo redis-server ;;
    apt:redis-cli) echo redis-tools ;;
    apt:ip) echo iproute2 ;;
    apt:unshare) echo util-linux ;;
    apt:systemd-analyze) echo systemd ;;
    apt:promtool | brew:promtool) echo prometheus ;;
    apt:amtool) echo prometheus-alertmanager ;;
    brew:redis-server | brew:redis-cli) echo redis ;;
    apt:varnishd | brew:varnishd) echo varnish ;;
    apt:*/ngx_http_lua_module.so) echo libnginx-mod-http-lua ;;
    apt:*/websockets/__init__.py) echo python3-websockets ;;
    apt:*/redis/__init__.py) echo python3-redis ;;
    apt:kubectl) echo kubernetes-client ;;
    brew:kubectl) echo kubernetes-cli ;;
    *) echo "$2" ;;
  esac
}

missing() { # missing PROGRAM...: the programs that are not installed
  local program
  for program in "$@"; do
    [[ $program == /* && -e $program ]] || command -v "$program" >/dev/null || echo "$program"
  done
}

packages() { # packages MANAGER PROGRAM...
  local manager=$1 program
  shift
  for program in "$@"; do package "$manager" "$program"; done | sort -u
}

# The tests start their own servers, so Debian's packages must not start any: this policy prevents it.
forbid_services() {
  local policy=/usr/sbin/policy-rc.d
  [[ ! -e $policy ]] || return 0
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
}

# shellcheck disable=SC2046 # program and package names contain no spaces
install() {
  if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    echo "installing with apt-get:" $(packages apt "$@") >&2
    forbid_services
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2
    apt-get install -y -qq --no-install-recommends $(packages apt "$@") >&2
  elif command -v brew >/dev/null; then
    echo "installing with brew:" $(packages brew "$@") >&2
    brew install --quiet $(packages brew "$@") >&2
  fi
}

# shellcheck disable=SC2046
set -- $(missing "$@")
[[ $# -gt 0 ]] || exit 0
install "$@" || true
# shellcheck disable=SC2046
set -- $(missing "$@")
[[ $# -gt 0 ]] || exit 0
# shellcheck disable=SC2046
echo "missing:" "$@" "- install the Debian packages" $(packages apt "$@") "or their equivalents, and run the command again." >&2
exit 1
