#!/usr/bin/env bash
# Runs the profiles with the program before the change, if there is one, and then with the program to judge.
# Exit codes: those of `ratecache load`.
set -euo pipefail

read -ra command <<<"$COMMAND"
read -ra profiles <<<"$PROFILES"
read -ra arguments <<<"$ARGUMENTS"
load=(load "${profiles[@]}" "${arguments[@]}")

if [[ -n $BASELINE_COMMAND ]]; then
  read -ra before <<<"$BASELINE_COMMAND"
  # Its verdict does not count, and it must not write to the summary of the job.
  env -u GITHUB_ACTIONS -u GITHUB_STEP_SUMMARY "${before[@]}" "${load[@]}" --out "$OUT/before" || [[ $? == 1 ]]
  BASELINE=$OUT/before/results.json
fi

compare=()
if [[ -n $BASELINE ]]; then compare=(--compare "$BASELINE"); fi
"${command[@]}" "${load[@]}" --out "$OUT" "${compare[@]}"
