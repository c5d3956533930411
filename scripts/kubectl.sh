#!/usr/bin/env bash
# kubectl.sh ARGS...: runs a kubectl that contains kustomize 5: the kubectl of the machine if it is new enough;
# otherwise one from an npm package (Linux on x86-64), or the one that need.sh installs. Debian 12 has only kubectl
# 1.20, whose kustomize 2 cannot read deploy/kubernetes.
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)
packed=$scripts/kubectl/node_modules/kubectl

fits() { "$1" version --client 2>/dev/null | grep -qE 'Kustomize Version: v([5-9]|[1-9][0-9])'; }

unpack() {
  "$scripts/need.sh" unzip
  npm ci --prefix "$scripts/kubectl" --ignore-scripts --loglevel=error >&2
  unzip -qoj "$scripts"/kubectl/node_modules/@aws-cdk/*/lib/layer.zip kubectl/kubectl -d "$scripts/kubectl/node_modules"
}

if fits kubectl; then
  exec kubectl "$@"
elif [[ $(uname -sm) == 'Linux x86_64' ]]; then
  {
    flock 9
    [[ -x $packed ]] || unpack
  } 9<"$scripts/kubectl/package-lock.json"
  exec "$packed" "$@"
else
  "$scripts/need.sh" kubectl
  fits kubectl || { echo "$(command -v kubectl) is too old: 1.27 or newer is needed" >&2; exit 1; }
  exec kubectl "$@"
fi
