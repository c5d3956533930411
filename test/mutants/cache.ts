/** Defects of the two-level cache. */
import { ServiceClock } from '../../src/cache/clock.ts';
import { Entry } from '../../src/cache/entry.ts';
import { type Flight, Flights } from '../../src/cache/flight.ts';
import { Memory } from '../../src/cache/l1/memory.ts';
import { SlotDrops } from '../../src/cache/l1/slot-drops.ts';
import { OwnWrites } from '../../src/cache/own-writes.ts';
import { TwoLevel } from '../../src/cache/two-level.ts';
import { Writes } from '../../src/cache/writes.ts';
import { all, type Mutant, method } from './mutant.ts';

export const CACHE = {
  'a change does not fence the read in progress': method(Flights.prototype, 'fence', () => () => {}),

  'a fenced flight fills L1': method(
    Flights.prototype,
    'join',
    (original) =>
      function (this: Flights<unknown>, key, readers, fill, start) {
        return original.call(this, key, readers, fill, (flight) => {
          Object.defineProperty(flight, 'fenced', { get: () => false, set() {} });
          return start(flight);
        });
      },
  ),

  'a fenced flight may still be joined': fenceWithoutClosing(),

  'L1 keeps an entry that is older than the answer of a fenced flight': method(
    Memory.prototype,
    'deleteUnless',
    () => () => {},
  ),

  'an own write fills L1': method(
    TwoLevel.prototype,
    'set',
    (original) =>
      async function (this: TwoLevel, key, value, ttlMs, condition) {
        const outcome = await original.call(this, key, value, ttlMs, condition);
        const { version } = outcome;
        const { memory, now } = this;
        if (version !== undefined) memory?.set(new Entry(key, value, version, now, now + 60_000));
        return outcome;
      },
  ),

  'an invalidation leaves the entry in L1': method(
    TwoLevel.prototype,
    'keyChanged',
    (original) =>
      function (this: TwoLevel, key, announced) {
        const entry = this.memory?.cached(key);
        original.call(this, key, announced);
        if (entry !== undefined) this.memory!.set(entry);
      },
  ),

  'an echo before the answer is ignored': method(
    OwnWrites.prototype,
    'end',
    (original) =>
      function (this: OwnWrites, key) {
        return { ...original.call(this, key), touched: false };
      },
  ),

  'a change that came during a compare-and-set is not reported': compareAndSetHidesChanges(),

  'L1 is served while it is not trusted': method(
    TwoLevel.prototype,
    'stateChanged',
    (original) =>
      function (this: TwoLevel, state, source) {
        original.call(this, state, source);
        this.memory?.trustAll(true);
      },
  ),

  'a link that is armed again does not empty L1': method(
    TwoLevel.prototype,
    'allChanged',
    (original) =>
      function (this: TwoLevel, reason, keysLeft, source) {
        if (reason === 'flush') original.call(this, reason, keysLeft, source);
      },
  ),

  'entries of a slot that has moved stay in L1': method(SlotDrops.prototype, 'add', () => () => {}),

  'clients are not notified that the state is coherent again': method(
    TwoLevel.prototype,
    'stateChanged',
    (original) =>
      function (this: TwoLevel, state, source) {
        const { changes } = this;
        if (state === 'coherent') this.changes = undefined;
        original.call(this, state, source);
        this.changes = changes;
      },
  ),

  'a flush of another database reaches subscribers as a flush of all keys': method(
    TwoLevel.prototype,
    'allChanged',
    () =>
      function (this: TwoLevel, reason) {
        this.forgetAll();
        if (reason === 'flush') this.changes?.reset('flush');
      },
  ),

  'a conditional change that cannot be sent deletes the entry in L1': method(
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

  'replicas use their own wall clocks': method(
    ServiceClock.prototype,
    'sample',
    () =>
      function (this: ServiceClock) {
        this.trustWall();
        return 0;
      },
  ),
} as const satisfies Record<string, Mutant>;

/** A fence marks the flight, but later readers may still join it. */
function fenceWithoutClosing(): Mutant {
  const open = new WeakMap<Flights<unknown>, Map<string, Flight>>();
  return all(
    method(
      Flights.prototype,
      'join',
      (original) =>
        function (this: Flights<unknown>, key, readers, fill, start) {
          const flights = open.get(this) ?? new Map<string, Flight>();
          open.set(this, flights);
          return original.call(this, key, readers, fill, (flight) => {
            flights.set(key, flight);
            return start(flight).finally(() => flights.delete(key));
          });
        },
    ),
    method(
      Flights.prototype,
      'fence',
      () =>
        function (this: Flights<unknown>, key) {
          const flight = open.get(this)?.get(key);
          if (flight !== undefined) flight.fenced = true;
        },
    ),
  );
}

/** A change that the link reports during a conditional write of its key is lost. */
function compareAndSetHidesChanges(): Mutant {
  const conditional = new Set<string>();
  return all(
    method(
      Writes.prototype,
      'set',
      (original) =>
        async function (this: Writes, key, value, ttlMs, condition) {
          if (condition !== undefined) conditional.add(key);
          return original.call(this, key, value, ttlMs, condition).finally(() => conditional.delete(key));
        },
    ),
    method(
      OwnWrites.prototype,
      'end',
      (original) =>
        function (this: OwnWrites, key) {
          const meanwhile = original.call(this, key);
          return conditional.has(key) ? { ...meanwhile, touched: false } : meanwhile;
        },
    ),
  );
}
