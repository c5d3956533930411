#!/usr/bin/env bash
# Builds the Python client: dist/python/ratecache-*.whl. It needs pip, setuptools and wheel, and no network.
set -euo pipefail
cd "$(dirname "$0")/.."

# setuptools leaves its files next to the sources, so it gets a copy.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r clients/python "$work"
mkdir -p dist/python
"${PYTHON:-/usr/bin/python3}" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist/python "$work/python"
ls dist/python/ratecache-*.whl
