#!/usr/bin/env bash
# set-up.sh serve|all: installs the packages of npm that serving needs, or all of them, and leaves Node 22 as
# node_modules/.bin/node. That Node comes with the packages. `serve` omits the optional packages, which are Node and the
# newer addon of uWebSockets.js, where the machine's own Node runs the sources and the addon would not load.
set -euo pipefail
cd "$(dirname "$0")/.."

runs_sources() { # runs_sources NODE: whether it is a Node 22 that runs TypeScript
  "$1" -e 'process.exit(process.versions.node.startsWith("22.") && process.features.typescript ? 0 : 1)' 2>/dev/null
}

may_load_newer_addon() { # whether this system may load @btc-vision/uwebsockets.js, which needs glibc 2.38 on Linux
  local glibc
  glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || return 0
  [[ $(printf '%s\n' 2.38 "${glibc#glibc }" | sort -V | head -n 1) == 2.38 ]]
}

# The first one in PATH may be in node_modules, which npm is about to replace.
PATH=${PATH#"$PWD/node_modules/.bin:"}
command -v npm >/dev/null || { echo "npm is missing: install Node 20 or newer, with npm." >&2; exit 1; }

packages=(--include=dev)
[[ $1 == all ]] || packages=(--omit=dev)
# The optional packages are Node 22 and the newer addon, 115 MB: npm omits both or none.
[[ $1 == all ]] || ! runs_sources node || may_load_newer_addon || packages+=(--omit=optional)
echo npm ci "${packages[@]}"
# The machine's own Node may be older than the one that the project wants, about which npm would warn.
npm ci "${packages[@]}" --loglevel=error

node=node_modules/.bin/node
[[ -e $node ]] || ! runs_sources node || ln -s "$(command -v node)" "$node"
runs_sources "$node" || { echo "npm has no Node 22 for this system: install Node 22.18 or newer, below 23." >&2; exit 1; }
touch node_modules/.serve
[[ $1 == serve ]] || touch node_modules/.all
