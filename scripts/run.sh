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

scheme=http curl=curl token=
if [[ -n ${TLS_CERT_FILE:-} ]]; then
  # curl accepts a certificate as its own authority, so the command works before the machine trusts the real one.
  scheme=https curl="curl --cacert $TLS_CERT_FILE"
fi
if [[ -n ${AUTH_TOKENS_FILE:-}${AUTH_JWKS_FILE:-}${AUTH_JWKS_URL:-} ]]; then
  token=' -H "Authorization: Bearer $RATECACHE_TOKEN"'
fi

# Written to stderr, because stdout is the log: one JSON object per line.
url="$scheme://${HOST:-127.0.0.1}:${PORT:-8000}"
cat >&2 <<END
Try:
  $curl -i -X PUT $url/v1/cache/borrow_rate:AAPL$token -H 'Content-Type: application/json' -d '{"rate": 0.0525}'
  $curl -i $url/v1/cache/borrow_rate:AAPL$token
  $curl $url/health

END

# Limits half of V8's young generation, in MiB, as the binary does.
exec node --max-semi-space-size=8 src/main.ts "$@"
