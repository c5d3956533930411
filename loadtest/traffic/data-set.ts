import { IbkrParser } from '../../src/warmup/ibkr.ts';
import type { Data, DataType } from '../profile.ts';
import { seeded, shuffled } from '../support/random.ts';
import { ibkrFile } from './ibkr-file.ts';

const BROKERS = Array.from({ length: 20 }, (_, n) => `BROKER${n}`);
// Longer than any run, so that no value expires during it.
export const TTL_SECONDS = 86_400;

/** Keys and values like those of a market. The same data and seed produce the same set in every process. */
export interface DataSet {
  /** Most popular first. */
  readonly symbols: readonly string[];
  key(type: DataType, symbol: string): string;
  /** JSON text. */
  value(type: DataType, symbol: string): string;
}

export function dataSet(
  { symbols: count, valueBytes = 1024, names, brokers = BROKERS }: Data,
  seed: number,
): DataSet {
  const rates = new Map<string, string>();
  const parser = new IbkrParser();
  ibkrFile(count, seed)
    .split('\n')
    .forEach((line, index) => {
      for (const item of parser.line(line, index + 1))
        if ('record' in item) rates.set(item.record.key.slice('borrow_rate:'.length), item.record.json);
    });
  // The file is in alphabetical order; popularity must not be.
  const symbols = shuffled([...(names ?? rates.keys())], seeded(seed));
  return {
    symbols,
    key: (type, symbol) =>
      `${type}:${type === 'broker_config' ? brokers[number(symbol) % brokers.length] : symbol}`,
    value(type, symbol) {
      const n = number(symbol);
      switch (type) {
        case 'borrow_rate':
          return (
            rates.get(symbol) ??
            `{"symbol":${JSON.stringify(symbol)},"rate":${((n % 500) / 10_000).toFixed(4)}}`
          );
        case 'volatility':
          return `{"symbol":${JSON.stringify(symbol)},"volatility":${(0.1 + (n % 300) / 100).toFixed(4)},"window_days":30}`;
        case 'event_risk':
          return `{"symbol":${JSON.stringify(symbol)},"risk":${n % 10},"next_event":"2026-01-${10 + (n % 20)}"}`;
        case 'broker_config':
          return `{"markup":${(n % BROKERS.length) / 1000},"fee_type":"FLAT","fee":25,"active":true}`;
        case 'min_rate':
          return ((n % 100) / 10_000).toFixed(4);
        case 'calculation':
          return `{"symbol":${JSON.stringify(symbol)},"detail":"${filler(n, valueBytes)}"}`;
      }
    },
  };
}

/** The set as lines for `warmup --format ndjson`. */
export function* ndjson({ types }: Data, set: DataSet): Generator<string> {
  const written = new Set<string>();
  for (const type of types) {
    for (const symbol of set.symbols) {
      const key = set.key(type, symbol);
      if (type === 'broker_config' && written.has(key)) continue;
      written.add(key);
      yield `{"key":${JSON.stringify(key)},"value":${set.value(type, symbol)},"ttl":${TTL_SECONDS}}\n`;
    }
  }
}

/** A hash of the symbol (FNV-1a). */
function number(symbol: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < symbol.length; i++) hash = Math.imul(hash ^ symbol.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Text that compresses like figures, not like one repeated letter. */
function filler(n: number, bytes: number): string {
  const random = seeded(n);
  let text = '';
  while (text.length < bytes) text += `${Math.floor(random() * 1e9)},`;
  return text.slice(0, bytes);
}
