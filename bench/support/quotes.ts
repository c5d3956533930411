/** Keys and values as the service holds them: the rows of a broker's file, as warm-up makes them. */

import { ibkrFile } from '../../loadtest/traffic/ibkr-file.ts';
import { TYPES } from '../../src/key.ts';
import { IbkrParser } from '../../src/warmup/ibkr.ts';

/** As many symbols as the broker's file of one market had. */
export const SYMBOLS = 13_425;

export interface Quote {
  readonly symbol: string;
  /** Some 270 bytes of JSON text. */
  readonly json: string;
}

let market: readonly Quote[] | undefined;

/** One market's rows, in alphabetical order. */
function quotes(): readonly Quote[] {
  market ??= parsed(ibkrFile(SYMBOLS));
  return market;
}

function parsed(file: string): Quote[] {
  const parser = new IbkrParser();
  return file.split('\n').flatMap((line, i) => {
    const item = parser.line(line, i + 1);
    if (item === undefined || !('record' in item)) return [];
    return [{ symbol: item.record.key.slice('borrow_rate:'.length), json: item.record.json }];
  });
}

/**
 * `count` keys and the value of each: first every type for every symbol, as far as they go, then calculations,
 * of which a symbol can have any number. The values of a symbol are one string, so that a million of them fit.
 */
export function entries(count: number): { readonly keys: string[]; readonly values: string[] } {
  const rows = quotes();
  const types = TYPES.filter((type) => type !== 'other');
  const keys: string[] = [];
  const values: string[] = [];
  for (let i = 0; i < count; i++) {
    const { symbol, json } = rows[i % rows.length]!;
    const lap = Math.floor(i / rows.length);
    keys.push(flat(lap < types.length ? `${types[lap]}:${symbol}` : `calculation:${symbol}:${lap}`));
    values.push(json);
  }
  return { keys, values };
}

/** Rows as one JSON array of about so many bytes: less by at most one row. */
export function textOf(bytes: number): string {
  const rows: string[] = [];
  let length = 1;
  for (const { json } of quotes()) {
    if (rows.length > 0 && length + json.length + 1 > bytes) break;
    rows.push(json);
    length += json.length + 1;
  }
  return rows.length === 1 ? rows[0]! : `[${rows.join(',')}]`;
}

// A string that was put together is a tree until it is first read; what a server reads from a socket is flat.
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
