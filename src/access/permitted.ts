import type { ItemResult } from '../cache/results.ts';
import { allowsKey } from './principal.ts';
import type { Requester } from './requester.ts';

/**
 * Runs a batch with the items that the principal may use. The others have the result `forbidden`, at their places.
 * @param keyOf returns the key of an item
 * @param run returns one result for each item, in order
 */
export function permitted<Item>(
  requester: Requester,
  items: readonly Item[],
  keyOf: (item: Item) => string,
  run: (allowed: readonly Item[]) => ItemResult[] | Promise<ItemResult[]>,
): ItemResult[] | Promise<ItemResult[]> {
  const { principal } = requester;
  if (principal?.prefixes === undefined) return run(items);
  const isAllowed = (item: Item) => allowsKey(principal, keyOf(item));
  const first = items.find((item) => !isAllowed(item));
  if (first === undefined) return run(items);
  const allowed = items.filter(isAllowed);
  requester.refused('forbidden', { target: keyOf(first), keys: items.length - allowed.length });
  const merge = (results: ItemResult[]): ItemResult[] => {
    let next = 0;
    return items.map((item) => (isAllowed(item) ? results[next++]! : forbidden(keyOf(item))));
  };
  const results = run(allowed);
  return Array.isArray(results) ? merge(results) : results.then(merge);
}

function forbidden(key: string): ItemResult {
  return { key, status: 'error', code: 'forbidden', detail: 'the token does not allow this key' };
}
