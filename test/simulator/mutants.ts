/** Takes one fix out of the service at a time, to show that the simulator notices. */

import { ServiceClock } from '../../src/cache/clock.ts';
import { Flights } from '../../src/cache/flight.ts';
import { PendingWrites } from '../../src/cache/pending-writes/pending-writes.ts';
import { Postponer } from '../../src/cache/pending-writes/postpone.ts';
import { StoreError } from '../../src/cache/store.ts';
import { TwoLevel } from '../../src/cache/two-level.ts';
import { Writes } from '../../src/cache/writes.ts';
import { Hub } from '../../src/push/hub.ts';
import { Retries } from '../../src/push/retries.ts';
import { Breaker } from '../../src/redis/breaker.ts';
import { Heartbeat } from '../../src/redis/heartbeat.ts';
import { RedisBus } from '../../src/redis/redis-bus.ts';
import { RedisStore } from '../../src/redis/redis-store.ts';
import { check } from './checker.ts';
import type { Argument, Command } from './model-redis.ts';
import { planOf } from './plan.ts';
import { type Defects, simulate } from './simulate.ts';

export interface Mutant {
  /** The item of the list of faults, or what the simulator is to notice besides. */
  readonly fault: string;
  readonly name: string;
  /** Puts the defect in. Returns what takes it out again. */
  readonly put: () => () => void;
  readonly defects?: Defects;
}

/** Replaces a method for as long as the defect is in. */
function method<T extends object, K extends keyof T>(
  target: T,
  name: K,
  by: (original: T[K]) => T[K],
): () => () => void {
  return () => {
    const original = Object.getOwnPropertyDescriptor(target, name)!;
    Object.defineProperty(target, name, { ...original, value: by(original.value as T[K]) });
    return () => Object.defineProperty(target, name, original);
  };
}

/** Several in one. */
function all(...puts: readonly (() => () => void)[]): () => () => void {
  return () => {
    const undos = puts.map((put) => put());
    return () => {
      for (const undo of undos) undo();
    };
  };
}

/** What Redis refuses looks as if Redis had not answered. */
function endsAll<This, Args extends unknown[], T>(
  original: (this: This, ...args: Args) => Promise<T>,
): (this: This, ...args: Args) => Promise<T> {
  return async function (this: This, ...args: Args) {
    try {
      return await original.apply(this, args);
    } catch (error) {
      throw new StoreError('timeout', (error as Error).message);
    }
  };
}

const NOTHING = () => () => {};
/** Where in the arguments of the script the five of a key begin, and what they are. */
const CONDITION = 1;
const DEADLINE = 4;

/** Changes one argument of each key in each call of the write script. */
function rewrite(
  place: number,
  change: (argument: Argument, op: string, connection: string) => Argument,
): Defects {
  return {
    tamper: (connection, command): Command => {
      const { name, args } = command;
      if ((name !== 'EVALSHA' && name !== 'EVAL') || args[0] !== 'ratecacheWrite') return command;
      const changed = [...args];
      const first = 2 + Number(args[1]) + 3;
      for (let at = first; at < changed.length; at += 5)
        changed[at + place] = change(changed[at + place]!, String(changed[at]), connection);
      return { name, args: changed };
    },
  };
}

function isOlder(condition: Argument): boolean {
  const first = Buffer.isBuffer(condition) ? condition[0] : undefined;
  return first === 0x3c || first === 0x7e;
}

let judging = false;

export const MUTANTS: readonly Mutant[] = [
  {
    fault: '1',
    name: 'a pending write does not yield to a newer version that the link reports',
    put: all(
      method(Postponer.prototype, 'keyChanged', () => () => undefined),
      method(
        Postponer.prototype,
        'keep',
        (original) =>
          function (this: Postponer, pending, error, condition) {
            return original.call(this, pending, error, condition, '');
          },
      ),
    ),
  },
  {
    fault: '1',
    name: 'an open circuit breaker does not show in the state',
    put: () => {
      const undoJudge = method(
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
      )();
      const open = Object.getOwnPropertyDescriptor(Breaker.prototype, 'open')!;
      Object.defineProperty(Breaker.prototype, 'open', {
        ...open,
        get(this: Breaker) {
          return judging ? false : open.get!.call(this);
        },
      });
      return () => {
        undoJudge();
        Object.defineProperty(Breaker.prototype, 'open', open);
      };
    },
  },
  {
    fault: '2',
    name: 'a pending write replaces a newer pending one',
    put: method(PendingWrites.prototype, 'supersedes', () => () => false),
  },
  {
    fault: '2',
    name: 'a pending write is made in Redis whatever Redis holds',
    put: NOTHING,
    defects: rewrite(CONDITION, (condition, op) => (op === 'set' && isOlder(condition) ? '' : condition)),
  },
  {
    fault: '2',
    name: 'a change is made however late it comes',
    put: NOTHING,
    defects: rewrite(DEADLINE, () => ''),
  },
  {
    fault: '3',
    name: 'flush and invalidate delete whatever they find',
    put: NOTHING,
    defects: rewrite(CONDITION, (condition, op) => (op === 'delete' && isOlder(condition) ? '' : condition)),
  },
  {
    fault: '4',
    name: 'a match retracts what was written while it ran',
    put: method(
      Hub.prototype,
      'matchRemoved',
      (original) =>
        function (this: Hub, match, reason) {
          this.changed = (key) => this.learned(key, undefined, reason);
          original.call(this, match, reason);
          Reflect.deleteProperty(this, 'changed');
        },
    ),
  },
  {
    fault: '5',
    name: 'one refused change ends a replay',
    put: all(
      method(Writes.prototype, 'replay', (original) => endsAll(original)),
      method(RedisStore.prototype, 'removeMatching', (original) => endsAll(original)),
    ),
  },
  {
    fault: '6',
    name: 'a change on a condition that cannot be sent destroys the copy in L1',
    put: method(
      TwoLevel.prototype,
      'set',
      (original) =>
        async function (this: TwoLevel, key, ...rest) {
          try {
            return await original.call(this, key, ...rest);
          } catch (error) {
            this.memory?.delete(key);
            throw error;
          }
        },
    ),
  },
  {
    fault: '9',
    name: 'a Redis that is a replica is connected to again and again',
    put: NOTHING,
    defects: {
      tamper: (_connection, command) =>
        command.name === 'ROLE' ? { name: 'ROLE OF A MASTER', args: [] } : command,
    },
  },
  {
    fault: '7',
    name: 'replicas go by their own wall clocks',
    put: method(
      ServiceClock.prototype,
      'sample',
      () =>
        function (this: ServiceClock) {
          this.trustWall();
          return 0;
        },
    ),
  },
  {
    fault: '7',
    name: 'replicas go by their own wall clocks, and Redis does not cut stamps',
    put: method(
      ServiceClock.prototype,
      'sample',
      () =>
        function (this: ServiceClock) {
          this.trustWall();
          return 0;
        },
    ),
    defects: { uncapped: true },
  },
  {
    fault: '8',
    name: 'a flush of another database reaches subscribers as the end of all keys',
    put: method(
      TwoLevel.prototype,
      'allChanged',
      () =>
        function (this: TwoLevel, reason) {
          this.forgetAll();
          if (reason === 'flush') this.changes?.reset('flush');
        },
    ),
  },
  {
    fault: '8',
    name: 'SWAPDB is not noticed',
    put: NOTHING,
    defects: {
      // Without GET the answer does not show that the canary is another database's.
      tamper: (_connection, command) =>
        command.name === 'SET' && command.args.at(-1) === 'GET'
          ? { name: 'CANARY', args: command.args }
          : command,
    },
  },
  {
    fault: '10',
    name: 'a refresh that was not answered is not repeated',
    put: method(Retries.prototype, 'add', () => () => {}),
  },
  {
    fault: '14',
    name: 'pending keys are missing in snapshots by type',
    put: method(TwoLevel.prototype, 'pendingKeys', () => () => []),
  },
  {
    fault: 'races',
    name: 'a change does not fence the read that is on its way',
    put: method(Flights.prototype, 'fence', () => () => {}),
  },
  {
    fault: 'races',
    name: 'a link that is armed again does not empty L1',
    put: method(TwoLevel.prototype, 'forgetAll', () => () => 0),
  },
  {
    fault: 'bound',
    name: 'a silent link is taken for a good one',
    put: method(Heartbeat.prototype, 'alive', () => () => true),
  },
];

export interface Found {
  readonly seeds: number;
  readonly rule: string;
}

/** Runs seeds until one breaks a promise that it keeps without the defect. Call it outside of every promise. */
export function seedsUntilFound(mutant: Mutant, most: number): Found | undefined {
  for (let seed = 1; seed <= most; seed++) {
    const rules = rulesBroken(seed, mutant);
    if (rules.length === 0) continue;
    const without = rulesBroken(seed);
    const rule = rules.find((each) => !without.includes(each));
    if (rule !== undefined) return { seeds: seed, rule };
  }
  return undefined;
}

function rulesBroken(seed: number, mutant?: Mutant): string[] {
  const undo = mutant?.put();
  try {
    return check(simulate(planOf(seed), mutant?.defects)).map(({ rule }) => rule);
  } finally {
    undo?.();
  }
}
