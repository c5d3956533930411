/**
 * What each shell needs to complete command lines: it asks the program itself (`ratecache complete -- WORDS`), which
 * answers with a line for each candidate, perhaps with a tab and a description. Where there are none the shell offers files.
 */

/** No word of the command line is evaluated, and no other package is needed. */
const BASH = `_ratecache() {
  local line current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS= read -r line; do
    line=\${line%%$'\\t'*}
    # Where = ends a word, what stands before it is not replaced.
    [[ $line == --*=* && $current != --* ]] && line=\${line#*=}
    COMPREPLY+=("$line")
  done < <("$1" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _ratecache ratecache
`;

/** To be sourced, or to lie in the \`fpath\` as \`_ratecache\`. */
const ZSH = `#compdef ratecache
_ratecache() {
  local -a found
  found=("\${(@f)$("\${(Q)words[1]}" complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found[1] ]]; then
    # _describe wants a colon where the tab is.
    found=("\${(@)found//:/\\\\:}")
    found=("\${(@)found/$'\\t'/:}")
    _describe ratecache found
  else
    _files
  fi
}
if [[ $funcstack[1] == _ratecache ]]; then
  _ratecache
else
  compdef _ratecache ratecache
fi
`;

const FISH = `function __ratecache_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l found ($words[1] complete -- $words[2..-1] "$current" 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path "$current"
  end
end
complete -c ratecache -f -a '(__ratecache_complete)'
`;

export const SCRIPTS: ReadonlyMap<string, string> = new Map([
  ['bash', BASH],
  ['zsh', ZSH],
  ['fish', FISH],
]);
