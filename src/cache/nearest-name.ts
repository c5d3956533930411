import { distance } from 'fastest-levenshtein';

/**
 * Returns the known name that `name` probably misspells, ignoring case, or undefined where none is near. Near means up
 * to two edits; an edit changes, removes or inserts one letter. For names of under six letters it means one edit.
 */
export function nearestName<Name extends string>(name: string, known: Iterable<Name>): Name | undefined {
  const limit = name.length < 6 ? 1 : 2;
  const lower = name.toLowerCase();
  let best: Name | undefined;
  let least = limit + 1;
  for (const each of known) {
    // The cost of `distance` grows with both lengths, and the client chooses one of them.
    if (Math.abs(each.length - name.length) >= least) continue;
    const edits = distance(lower, each.toLowerCase());
    if (edits < least) [best, least] = [each, edits];
  }
  return best;
}
