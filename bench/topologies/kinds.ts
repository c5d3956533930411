/** The requests that are measured. Their keys are spread over all slots. */
import type { Service } from '../../loadtest/target/service.ts';

export interface Kind {
  readonly name: string;
  /** The keys of one request. */
  readonly keys: number;
  /** Sends the nth request, and fails unless Redis has answered for every key. */
  readonly send: (service: Service, n: number) => Promise<void>;
}

const ALL_KEYS = 10_000;
const BATCH = 100;
const CLIENTS = 8;
const VALUE = { rate: 'x'.repeat(130) };
const JSON_VALUE = JSON.stringify(VALUE);
const TYPE = { 'content-type': 'application/json' };

function keyAt(i: number): string {
  return `min_rate:K${i % ALL_KEYS}`;
}

async function post(service: Service, path: string, body: object): Promise<string> {
  const answer = await service.fetch(path, { method: 'POST', headers: TYPE, body: JSON.stringify(body) });
  return answer.text();
}

function times(text: string, word: string): number {
  return text.split(word).length - 1;
}

function batch(n: number): string[] {
  return Array.from({ length: BATCH }, (_, i) => keyAt(n * BATCH + i));
}

/** Writes come first, so that reads find their keys. */
export const KINDS: readonly Kind[] = [
  {
    name: 'write, 100 keys',
    keys: BATCH,
    async send(service, n) {
      const text = await post(service, '/v1/mset', {
        entries: batch(n).map((key) => ({ key, value: VALUE })),
      });
      if (times(text, '"stored"') !== BATCH)
        throw new Error(`a write was not confirmed: ${text.slice(0, 300)}`);
    },
  },
  {
    name: 'write, 1 key',
    keys: 1,
    async send(service, n) {
      const { status } = await service.fetch(`/v1/cache/${keyAt(n)}`, {
        method: 'PUT',
        headers: TYPE,
        body: JSON_VALUE,
      });
      if (status !== 201 && status !== 204) throw new Error(`a write was answered with ${status}`);
    },
  },
  {
    name: 'read, 100 keys',
    keys: BATCH,
    async send(service, n) {
      const text = await post(service, '/v1/mget', { keys: batch(n) });
      if (times(text, JSON_VALUE) !== BATCH) throw new Error(`a key was not read: ${text.slice(0, 300)}`);
    },
  },
  {
    name: 'read, 1 key',
    keys: 1,
    async send(service, n) {
      const answer = await service.fetch(`/v1/cache/${keyAt(n)}`);
      if ((await answer.text()) !== JSON_VALUE) throw new Error(`a read was answered with ${answer.status}`);
    },
  },
];

/** Sends this many requests, a few at a time. @returns how long each took, in ms */
export async function send(service: Service, kind: Kind, requests: number): Promise<number[]> {
  const latencies: number[] = [];
  let next = 0;
  const client = async () => {
    while (next < requests) {
      const began = performance.now();
      await kind.send(service, next++);
      latencies.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return latencies;
}
