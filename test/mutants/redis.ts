/** Defects of the connections to Redis, of their heartbeat and of the circuit breaker. */
import { Redis } from 'ioredis';
import { Breaker } from '../../src/redis/breaker.ts';
import { Heartbeat } from '../../src/redis/heartbeat.ts';
import { Lanes } from '../../src/redis/lanes.ts';
import { RedisBus } from '../../src/redis/redis-bus.ts';
import { ReplicaAcks } from '../../src/redis/replica-acks.ts';
import { all, getter, type Mutant, method } from './mutant.ts';

export const REDIS = {
  'a silent link counts as alive': method(Heartbeat.prototype, 'alive', () => () => true),

  'the circuit breaker never opens': method(Breaker.prototype, 'failed', () => () => {}),

  'the circuit breaker never closes': staysOpen(),

  'an open circuit breaker does not show in the state': stateIgnoresBreaker(),

  'a command may take as long as it likes': method(
    Lanes.prototype,
    'send',
    (original) =>
      function (this: Lanes, route, command) {
        const timeoutMs = 50 * route.timeoutMs;
        return original.call(this, { ...route, timeoutMs, longestMs: timeoutMs }, command) as never;
      },
  ),

  'a change does not wait for replicas': method(
    ReplicaAcks.prototype,
    'shortage',
    () => () => Promise.resolve(undefined),
  ),

  'a connection that was replaced is left open': method(
    Redis.prototype,
    'call',
    (original) =>
      function (this: Redis, command: string, ...rest: never[]) {
        const [args] = rest as unknown[];
        if (command === 'CLIENT' && Array.isArray(args) && args[0] === 'KILL') return Promise.resolve(0);
        return (original as (...args: unknown[]) => unknown).call(this, command, ...rest);
      } as typeof original,
  ),

  'a connection is made again for every write that a replica refuses': reconnectsOnReadonly(),
} as const satisfies Record<string, Mutant>;

function staysOpen(): Mutant {
  const opened = new WeakSet<Breaker>();
  return getter(Breaker.prototype, 'open', function (open) {
    if (open) opened.add(this);
    return opened.has(this);
  });
}

function stateIgnoresBreaker(): Mutant {
  let judging = false;
  return all(
    method(
      RedisBus.prototype,
      'updateState',
      (original) =>
        function (this: RedisBus) {
          judging = true;
          try {
            original.call(this);
          } finally {
            judging = false;
          }
        },
    ),
    getter(Breaker.prototype, 'open', (open) => !judging && open),
  );
}

function reconnectsOnReadonly(): Mutant {
  const changed = new WeakSet<Redis>();
  return method(
    Redis.prototype,
    'connect',
    (original) =>
      function (this: Redis, callback) {
        if (!changed.has(this)) {
          changed.add(this);
          const { reconnectOnError } = this.options;
          this.options.reconnectOnError = (error) => {
            reconnectOnError?.(error);
            return error.message.startsWith('READONLY');
          };
        }
        return original.call(this, callback);
      },
  );
}
