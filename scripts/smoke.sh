#!/usr/bin/env bash
# smoke.sh [debian]: proves that dist/ratecache needs nothing of the machine: it serves, against a Redis outside, from a
# root directory with nothing else in it, or from a bare Debian.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
kind=${1:-bare}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"scripts/$kind-root.sh" dist/ratecache "$work/root"

# Mounts and a network of its own, which end with it: nothing is left behind, and no port is taken.
unshare=(unshare --mount --net)
# Who is not root is one only in there.
[[ $EUID == 0 ]] || unshare+=(--map-root-user)
SMOKE_ROOT="$work/root" SMOKE_EUID=$EUID "${unshare[@]}" sh -c 'ip link set lo up && exec "$@"' sh \
  node --test --test-timeout=60000 --test-reporter=spec test/binary/*.proof.ts
