import { pack } from 'msgpackr';
import type { Encoding } from '../cache/entry.ts';
import type { Exchange } from './exchange.ts';
import { mediaTypeOf } from './negotiate.ts';

/** Answers with an object that no cache may store. */
export function sendData(exchange: Exchange, encoding: Encoding, status: number, data: unknown): void {
  const headers = [
    ['Content-Type', mediaTypeOf(encoding)],
    ['Cache-Control', 'no-store'],
  ] as const;
  exchange.send(status, headers, encoding === 'json' ? JSON.stringify(data) : pack(data));
}
