#!/usr/bin/env bash
# Serves in the foreground: with the Redis that REDIS_HOST names, or standalone where none is named.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ -n ${REDIS_HOST:-} ]]; then
  export REDIS_PORT="${REDIS_PORT:-6379}" REDIS_PASSWORD="${REDIS_PASSWORD:-}"
  set -- serve
else
  set -- serve --standalone
fi

# To stderr: stdout is the log, one JSON object a line.
url="http://${HOST:-127.0.0.1}:${PORT:-8000}"
cat >&2 <<END
Try:
  curl -X PUT $url/v1/cache/borrow_rate:AAPL -H 'Content-Type: application/json' -d '{"rate": 0.0525}'
  curl -i $url/v1/cache/borrow_rate:AAPL
  curl $url/health

END

# Half of the young generation, in MiB: as the binary has it.
exec node --max-semi-space-size=8 src/main.ts "$@"
