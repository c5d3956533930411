#!/usr/bin/env bash
# Runs the service in the foreground: with the Redis in REDIS_HOST, or standalone if REDIS_HOST is not set.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ -n ${REDIS_HOST:-} ]]; then
  export REDIS_PORT="${REDIS_PORT:-6379}" REDIS_PASSWORD="${REDIS_PASSWORD:-}"
  set -- serve
else
  set -- serve --standalone
fi

# Written to stderr, because stdout is the log: one JSON object per line.
url="http://${HOST:-127.0.0.1}:${PORT:-8000}"
cat >&2 <<END
Try:
  curl -X PUT $url/v1/cache/borrow_rate:AAPL -H 'Content-Type: application/json' -d '{"rate": 0.0525}'
  curl -i $url/v1/cache/borrow_rate:AAPL
  curl $url/health

END

# Limits half of V8's young generation, in MiB, as the binary does.
exec node --max-semi-space-size=8 src/main.ts "$@"
