import { itemsOf } from '../support/data.ts';

/** What all programs read: as many entries as the target of the near cache names. */
export const RATES = { count: 20_000, bytes: 200 };
export const ITEMS = itemsOf(RATES);
export const KEYS = ITEMS.map(({ key }) => key);
