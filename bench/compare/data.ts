/** What every server holds: keys of one length and values of one length, so that all answers of a row are as long. */
import { seeded } from '../../loadtest/support/random.ts';

export interface Item {
  readonly key: string;
  /** JSON text, ASCII: as many bytes as characters. */
  readonly value: string;
}

/** 1,000 rates of 200 B: what all servers are asked for. */
export const SMALL = { type: 'borrow_rate', count: 1000, bytes: 200 } as const;
/** 1,000 curves of 1 KB. */
export const MEDIUM = { type: 'calculation', count: 1000, bytes: 1024 } as const;
export const LARGE = { type: 'event_risk', count: 16, bytes: 64 * 1024 } as const;
/** As large as the service takes. */
export const LARGEST = { type: 'broker_config', count: 4, bytes: 1024 * 1024 } as const;
/** Sixteen times as many as L1 has room for by default: read in turn, each is gone before its turn comes again. */
export const MANY = { type: 'borrow_rate', count: 16_384, bytes: 200 } as const;

export interface Shape {
  readonly type: string;
  readonly count: number;
  readonly bytes: number;
}

const SYMBOL_LENGTH = 5;
const LETTERS = 26;

/** The same for the same shape, in every process. */
export function itemsOf({ type, count, bytes }: Shape): Item[] {
  const random = seeded(bytes);
  return Array.from({ length: count }, (_, n) => {
    const symbol = symbolOf(n);
    return { key: `${type}:${symbol}`, value: rateOf(symbol, bytes, random) };
  });
}

/** `AAAAA`, `BAAAA`, … */
function symbolOf(n: number): string {
  let symbol = '';
  for (let rest = n; symbol.length < SYMBOL_LENGTH; rest = Math.floor(rest / LETTERS))
    symbol += String.fromCharCode(65 + (rest % LETTERS));
  return symbol;
}

/** A rate as a broker tells it, with as long a curve as there is room for. */
function rateOf(symbol: string, bytes: number, random: () => number): string {
  const share = () => random().toFixed(6);
  const available = 100_000 + Math.floor(random() * 900_000);
  const head =
    `{"symbol":"${symbol}","currency":"USD","fee_rate":${share()},"rebate_rate":${share()},` +
    `"available":${available},"curve":[`;
  const tail = '],"batch":""}';
  const numbers: string[] = [];
  let room = bytes - head.length - tail.length;
  for (; room >= '0.123456,'.length; room -= '0.123456,'.length) numbers.push(share());
  // Of the last number there is no comma, so there is room for at least one letter.
  return `${head}${numbers.join(',')}],"batch":"${'x'.repeat(room + 1)}"}`;
}
