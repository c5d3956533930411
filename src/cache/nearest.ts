import { distance } from 'fastest-levenshtein';

/**
 * The known name that this one is probably a misspelling of, in any case of letters; undefined where none is near. Near is
 * two edits: one letter wrong, missing or too many, or two swapped. Of short names two edits make another word.
 */
export function nearest<Name extends string>(name: string, known: Iterable<Name>): Name | undefined {
  const limit = name.length < 6 ? 1 : 2;
  const lower = name.toLowerCase();
  let best: Name | undefined;
  let least = limit + 1;
  for (const each of known) {
    // The cost of a distance grows with both lengths, and a client chooses one of them.
    if (Math.abs(each.length - name.length) >= least) continue;
    const edits = distance(lower, each.toLowerCase());
    if (edits < least) [best, least] = [each, edits];
  }
  return best;
}
