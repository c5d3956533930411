#!/usr/bin/env bash
# Runs the profiles with the program before the change, if there is one, and then with the program to judge.
# Exit codes: those of `ratecache load`.
set -euo pipefail

read -ra command <<<"$COMMAND"
read -ra profiles <<<"$PROFILES"
read -ra arguments <<<"$ARGUMENTS"

no_baseline() {
  echo "::error::the baseline could not be measured: $BASELINE_COMMAND ended with exit code $1"
  exit "$1"
}

if [[ -n $BASELINE_COMMAND ]]; then
  read -ra before <<<"$BASELINE_COMMAND"
  code=0
  known=$("${before[@]}" load) || code=$?
  if ((code > 0)); then no_baseline "$code"; fi
  both=()
  for profile in "${profiles[@]}"; do
    # The program before reads the same files. It may not know a name: a change may add a profile.
    case $profile in
      all | *.json | *.toml) both+=("$profile") ;;
      *)
        if grep -q "^$profile  " <<<"$known"; then
          both+=("$profile")
        else
          echo "::notice::the profile $profile is new, so it is not compared"
        fi
        ;;
    esac
  done
  if ((${#both[@]} > 0)); then
    # Its verdict does not count, and it must not write to the summary of the job.
    env -u GITHUB_ACTIONS -u GITHUB_STEP_SUMMARY \
      "${before[@]}" load "${both[@]}" "${arguments[@]}" --out "$OUT/before" || code=$?
    if ((code > 1)); then no_baseline "$code"; fi
    BASELINE=$OUT/before/results.json
  fi
fi

compare=()
if [[ -n $BASELINE ]]; then compare=(--compare "$BASELINE"); fi
"${command[@]}" load "${profiles[@]}" "${arguments[@]}" --out "$OUT" "${compare[@]}"
