/**
 * The completion scripts of the shells. Each script calls the program itself (`ratecache complete -- WORDS`), which
 * prints one line per candidate, with an optional tab and description. If there are no candidates the shell completes
 * files.
 */

/** The script evaluates no word of the command line, and needs no other package. */
const BASH = `_ratecache() {
  local line current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS= read -r line; do
    line=\${line%%$'\\t'*}
    # If = separates words, bash replaces only the part after it.
    [[ $line == --*=* && $current != --* ]] && line=\${line#*=}
    COMPREPLY+=("$line")
  done < <("$1" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _ratecache ratecache
`;

/** Works when sourced, and as the file \`_ratecache\` in a directory of \`fpath\`. */
const ZSH = `#compdef ratecache
_ratecache() {
  local -a found
  found=("\${(@f)$("\${(Q)words[1]}" complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found[1] ]]; then
    # _describe expects a colon between value and description.
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
