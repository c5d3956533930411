#!/usr/bin/env bash
# Comments the results on the pull request. A later run replaces its comment.
set -euo pipefail

mark='<!-- ratecache load -->'
body=$OUT/comment.md
{
  echo "$mark"
  cat "$OUT/summary.md"
  if [[ -f $OUT/comparison.md ]]; then cat "$OUT/comparison.md"; fi
} >"$body"

comments=repos/$GITHUB_REPOSITORY/issues/$PULL_REQUEST/comments
id=$(gh api "$comments" --paginate --jq ".[] | select(.body | startswith(\"$mark\")) | .id" | tail -n 1)
if [[ -n $id ]]; then
  gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F "body=@$body"
else
  gh api --silent --method POST "$comments" -F "body=@$body"
fi
