/** The slots of a Redis Cluster. */
import keySlot from 'cluster-key-slot';
import type { Slots } from '../../cache/slots.ts';

export const SLOT_COUNT = 16_384;

/** The slots of keys that have this prefix in Redis. */
export function clusterSlots(keyPrefix: string): Slots {
  return { count: SLOT_COUNT, of: (key) => keySlot(keyPrefix + key) };
}

const tags = new Map<number, string>();

/** Returns a hash tag of the slot: a key or channel that ends with the tag belongs to the slot. */
export function tagOf(slot: number): string {
  let tag = tags.get(slot);
  for (let i = 0; tag === undefined; i++) if (keySlot(`{${i}}`) === slot) tag = `{${i}}`;
  tags.set(slot, tag);
  return tag;
}
