/** The filter of the feed. No function here needs a browser. */

/** Whether the text contains the filter. A filter with `*` or `?` is a glob of the whole text. Case does not matter. */
export function matches(filter: string, text: string): boolean {
  const wanted = filter.toLowerCase();
  const given = text.toLowerCase();
  return /[*?]/.test(wanted) ? glob(wanted, given) : given.includes(wanted);
}

/** Takes at most the length of the pattern times the length of the text. */
function glob(pattern: string, text: string): boolean {
  let p = 0;
  let star = -1;
  let retry = 0;
  let t = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star !== -1) {
      p = star + 1;
      t = ++retry;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
