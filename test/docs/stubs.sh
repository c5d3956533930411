# Sourced before the commands of a page. Every command runs; kubectl is one that knows one pod, whose commands run
# here, and that writes down what it was asked, for the test to hold against the manifests.
set -Eeu
trap 'echo "failed ($?): $BASH_COMMAND" >&2' ERR

kubectl() {
  printf '%s\t' "$@" >>"$ASKED"
  echo >>"$ASKED"
  local asked="$*"
  while [[ $# -gt 0 && $1 != -- ]]; do shift; done
  if [[ $# -gt 0 ]]; then
    shift
    # What the container has. With the certificate, the other subcommands would use https.
    if [[ $* == 'ratecache serve --check' ]]; then
      REDIS_HOST=127.0.0.1 REDIS_PORT=$TEST_REDIS_PORT REDIS_PASSWORD=$TEST_REDIS_PASSWORD \
        TLS_CERT_FILE=test/data/tls/server.crt TLS_KEY_FILE=test/data/tls/server.key "$@"
    else
      "$@"
    fi
    return
  fi
  case $asked in
    *'get pods'*'-o name') echo pod/cache-service-7d9c8b6f5-x2x4x ;;
    *'{.data.REDIS_HOST}') printf 127.0.0.1 ;;
    *'{.data.REDIS_PORT}') printf %s "$TEST_REDIS_PORT" ;;
    *'{.data.REDIS_PASSWORD}') printf %s "$TEST_REDIS_PASSWORD" | base64 ;;
    *' logs '*) cat "$LOG" ;;
  esac
}

ratecache() { node src/main.ts "$@"; }

# A query that finds nothing says nothing of what is wrong, unless it asks for what is wrong. The service of the test has no
# certificate, and one process.
promtool() {
  local found
  found=$(command promtool "$@")
  [[ -n $found || $* == *'> 0'* || $* == *ALERTS* || $* == *_tls_* || $* == *ratecache_process* ]]
  printf '%s\n' "$found"
}
