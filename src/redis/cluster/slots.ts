/** The slots of a Redis Cluster. */
import keySlot from 'cluster-key-slot';
import type { Slots } from '../../cache/slots.ts';

export const SLOT_COUNT = 16_384;

/** The slots of keys that have this prefix in Redis. */
export function clusterSlots(keyPrefix: string): Slots {
  return { count: SLOT_COUNT, of: (key) => keySlot(keyPrefix + key) };
}

const tags = new Map<number, string>();
/** Every lower number is in `tags` already, so finding the tags of all slots takes 30 ms in total. */
let candidate = 0;

/** Returns a hash tag of the slot: a key or channel that ends with the tag belongs to the slot. */
export function tagOf(slot: number): string {
  for (; !tags.has(slot); candidate++) {
    const tag = `{${candidate}}`;
    const of = keySlot(tag);
    if (!tags.has(of)) tags.set(of, tag);
  }
  return tags.get(slot)!;
}
