/** `ratecache mget` and `ratecache ttl`: read several keys. */
import { type OutputOptions, type ServiceOptions, wantsJson } from './flags.ts';
import { exitOf, faultText, type Item, itemJson, itemsOf } from './items.ts';
import { printable } from './printable.ts';
import { keysFrom } from './standard-input.ts';
import { styled } from './style.ts';

export interface MgetOptions extends ServiceOptions, OutputOptions {}

/** @returns the exit code */
export function mget(keys: readonly string[], options: MgetOptions): Promise<number> {
  return show(keys, options, (item) => item, valueText);
}

/** @returns the exit code */
export function ttl(keys: readonly string[], options: MgetOptions): Promise<number> {
  const withoutValue = ({ value: _, ...item }: Item): Item => item;
  return show(keys, options, withoutValue, ({ ttl }) => `${ttl} s`);
}

async function show(
  given: readonly string[],
  options: MgetOptions,
  reduced: (item: Item) => Item,
  textOf: (item: Item) => string,
): Promise<number> {
  const keys = await keysFrom(given);
  const seen: Pick<Item, 'status' | 'code'>[] = [];
  const width = Math.max(0, ...keys.map((key) => Math.min(printable(key).length, MAX_WIDTH)));
  for await (const item of itemsOf('/v1/mget', keys, options)) {
    seen.push({ status: item.status, ...(item.code && { code: item.code }) });
    if (wantsJson(options)) process.stdout.write(`${itemJson(reduced(item))}\n`);
    else if (item.status === 'error') process.stderr.write(`${printable(faultText(item))}\n`);
    else {
      const text = item.status === 'hit' ? textOf(item) : styled('dim', 'no value');
      const mark = item.code === undefined ? '' : styled('yellow', `  ${item.code}`);
      process.stdout.write(`${printable(item.key).padEnd(width)}  ${text}${mark}\n`);
    }
  }
  return exitOf(seen);
}

/** The widest column of keys. */
const MAX_WIDTH = 40;

function valueText({ value = '' }: Item): string {
  return printable(value.replace(/[\r\n]+/g, ' '));
}
