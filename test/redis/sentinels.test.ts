import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import type { Redis, RedisOptions } from 'ioredis';
import type { HostAndPort, Route } from '../../src/redis/connector.ts';
import { Sentinels } from '../../src/redis/sentinels.ts';

const OLD = { host: '10.0.0.1', port: 6379 };
const NEW = { host: '10.0.0.2', port: 6379 };

interface Answers {
  readonly address: HostAndPort;
  readonly epoch: number;
  /** Settles before the answer leaves. */
  readonly gate?: Promise<void>;
}

function never(): Promise<void> {
  return new Promise(() => {});
}

/** Sentinels whose answers the test sets; the test also announces switches. */
function sentinels(...answers: Answers[]) {
  const switches: HostAndPort[] = [];
  const subscribers: EventEmitter[] = [];
  const open = ({ lazyConnect, Connector }: RedisOptions) => {
    const emitter = new EventEmitter();
    if (!lazyConnect) subscribers.push(emitter);
    const { port } = (Connector as unknown as { route: Route }).route.locate() as HostAndPort;
    const { address, epoch, gate } = answers[port - 1]!;
    return Object.assign(emitter, {
      connect: async () => {},
      disconnect: () => {},
      call: async (_sentinel: string, [command]: [string]) => {
        await gate;
        return command === 'MASTER'
          ? ['ip', OLD.host, 'port', String(OLD.port), 'config-epoch', String(epoch)]
          : [address.host, String(address.port)];
      },
    }) as unknown as Redis;
  };
  const found = new Sentinels(
    {
      sentinels: answers.map((_, i) => ({ host: 'sentinel', port: i + 1 })),
      name: 'rates',
      username: undefined,
      password: undefined,
      tls: undefined,
      connectTimeoutMs: 1000,
    },
    { open, onSwitch: (master) => switches.push(master) },
  );
  const announce = ({ host, port }: HostAndPort, name = 'rates') =>
    subscribers[0]!.emit('message', '+switch-master', `${name} ${OLD.host} ${OLD.port} ${host} ${port}`);
  return { found, switches, announce };
}

test('the answer with the highest epoch names the master', async () => {
  const { found } = sentinels(
    { address: OLD, epoch: 3 },
    { address: NEW, epoch: 4 },
    { address: OLD, epoch: 3 },
  );
  assert.deepEqual(await found.locate(), NEW);
});

test('the leader of a failover names the promoted replica, although MASTER still has the old address', async () => {
  const { found } = sentinels({ address: NEW, epoch: 4 });
  assert.deepEqual(await found.locate(), NEW);
});

test('a switch that is announced while Sentinels are asked is newer than their answers', async () => {
  const gate = Promise.withResolvers<void>();
  const { found, switches, announce } = sentinels({ address: OLD, epoch: 3, gate: gate.promise });
  const first = found.locate();
  gate.resolve();
  await first;
  const second = found.locate();
  announce(NEW);
  assert.deepEqual(await second, NEW);
  assert.deepEqual(switches, [NEW]);
});

test('a Sentinel that has not heard of an announced switch does not bring the old master back', async () => {
  const { found, announce } = sentinels(
    { address: OLD, epoch: 3, gate: never() },
    { address: OLD, epoch: 3 },
  );
  assert.deepEqual(await found.locate(), OLD);
  announce(NEW);
  assert.deepEqual(await found.locate(), NEW);
});

test('the Sentinel that announced a switch overrides its announcement later', async () => {
  const { found, announce } = sentinels({ address: OLD, epoch: 5 }, { address: OLD, epoch: 5 });
  assert.deepEqual(await found.locate(), OLD);
  announce(NEW);
  assert.deepEqual(await found.locate(), OLD);
});

test('an announcement of a Sentinel that is behind does not override a later switch', async () => {
  const behind = { address: NEW, epoch: 3, gate: Promise.resolve() };
  const { found, announce } = sentinels(behind, { address: OLD, epoch: 5 });
  assert.deepEqual(await found.locate(), OLD);
  announce(NEW);
  assert.deepEqual(await found.locate(), OLD);
});

test('an announced master that is a replica is not used again', async () => {
  const { found, announce } = sentinels(
    { address: OLD, epoch: 3, gate: never() },
    { address: OLD, epoch: 3 },
  );
  await found.locate();
  announce(NEW);
  found.refused(NEW);
  assert.deepEqual(await found.locate(), OLD);
});

test('a switch is reported once, and a switch of another master never', async () => {
  const { found, switches, announce } = sentinels({ address: OLD, epoch: 3 });
  await found.locate();
  announce(NEW, 'other');
  announce(NEW);
  announce(NEW);
  assert.deepEqual(switches, [NEW]);
});
