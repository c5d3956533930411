import { setTimeout as delay } from 'node:timers/promises';
import type { Service } from '../../loadtest/target/service.ts';
import { TYPES } from '../../src/key.ts';
import { get, post, put } from '../support/client.ts';
import { connectWs, type WsClient } from '../support/ws-client.ts';

const PAUSE_MS = 20;

/** Repeats a step with this concurrency until the returned function is called. */
function repeat(step: () => Promise<Response>, atOnce = 1): () => Promise<void> {
  let over = false;
  const loops = Array.from({ length: atOnce }, async () => {
    while (!over) {
      // A request to a killed service may fail without failing the load.
      await step().then(
        (response) => response.arrayBuffer(),
        () => {},
      );
      await delay(PAUSE_MS);
    }
  });
  return async () => {
    over = true;
    await Promise.all(loops);
  };
}

/** A read of a key that was never written. */
export function miss(service: Service): Promise<Response> {
  return get(service, `borrow_rate:NONE${Math.random()}`);
}

/**
 * The load on each instance of a healthy system: for each type reads that nearly all hit, and
 * writes, deletes and batches that notify subscribers.
 */
export async function healthyLoad(services: readonly Service[]): Promise<() => Promise<void>> {
  const keys = TYPES.flatMap((type) => Array.from({ length: 20 }, (_, i) => `${type}:${i}`));
  for (const key of keys) await put(services[0]!, key, '1');
  const sockets: WsClient[] = [];
  for (const service of services) {
    const socket = await connectWs(service);
    await socket.subscribe({ types: TYPES, values: true });
    sockets.push(socket);
  }
  const pick = () => keys[Math.floor(Math.random() * keys.length)]!;
  const stops = services.flatMap((service) => [
    repeat(() => get(service, pick()), 4),
    repeat(() => put(service, pick(), String(Math.random()))),
    repeat(() => post(service, '/v1/mget', { keys: [pick(), pick(), pick()] })),
    repeat(async () => {
      const key = pick();
      await service.fetch(`/v1/cache/${key}`, { method: 'DELETE' });
      return put(service, key, '2', { query: '?ttl=1' });
    }),
    repeat(() => (Math.random() < 0.2 ? miss(service) : service.fetch('/health'))),
  ]);
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
    await Promise.all(sockets.map((socket) => socket.close()));
  };
}
