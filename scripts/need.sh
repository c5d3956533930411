#!/usr/bin/env bash
# need.sh PROGRAM...: makes sure that each is there, installing what is missing with apt-get (as root) or
# Homebrew. Where neither can, it says what to install and exits 1. What begins with a slash is a file.
set -euo pipefail

package() { # package MANAGER PROGRAM: the package that brings the program
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
    apt:kubectl) echo kubernetes-client ;;
    brew:kubectl) echo kubernetes-cli ;;
    *) echo "$2" ;;
  esac
}

missing() { # missing PROGRAM...: those that are not there
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

# The tests start servers of their own, so Debian's packages must not start theirs: this is how it is told so.
forbid_services() {
  local policy=/usr/sbin/policy-rc.d
  [[ ! -e $policy ]] || return 0
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
}

# shellcheck disable=SC2046 # program and package names hold no spaces
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
echo "missing:" "$@" "- the tests need it; install the Debian packages" $(packages apt "$@") "or their like." >&2
exit 1
