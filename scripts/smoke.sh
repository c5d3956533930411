#!/usr/bin/env bash
# smoke.sh [debian]: proves that dist/ratecache needs nothing else on the machine. It serves, with a Redis outside,
# from a root directory with nothing else in it, or from a minimal Debian.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
kind=${1:-bare}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"scripts/$kind-root.sh" dist/ratecache "$work/root"

# Separate mounts and network, which end with the process: nothing stays behind, and no port is in use.
unshare=(unshare --mount --net)
# A user who is not root becomes root only inside.
[[ $EUID == 0 ]] || unshare+=(--map-root-user)
SMOKE_ROOT="$work/root" SMOKE_EUID=$EUID "${unshare[@]}" sh -c 'ip link set lo up && exec "$@"' sh \
  node --test --test-timeout=60000 --test-reporter=spec test/binary/*.proof.ts
