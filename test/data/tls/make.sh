#!/usr/bin/env bash
# Makes the certificates of the tests again, with openssl. They are valid for 100 years; `expired` is not. No key is a secret.
set -euo pipefail
cd "$(dirname "$0")"

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }
authority() {
  key "$1"
  openssl req -x509 -key "$1.key" -subj "/CN=$1" -days 36500 -out "$1.crt"
}
certificate() { # NAME AUTHORITY DAYS
  key "$1"
  openssl req -new -key "$1.key" -subj "/CN=$1" |
    openssl x509 -req -CA "$2.crt" -CAkey "$2.key" -days "$3" -out "$1.crt" \
      -extfile <(echo 'subjectAltName=DNS:localhost,IP:127.0.0.1')
}

authority authority
authority stranger
certificate server authority 36500
certificate renewed authority 36600
certificate client authority 36500
certificate foreign-client stranger 36500
certificate expired authority -1
rm -f authority.key stranger.key ./*.srl
