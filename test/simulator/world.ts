/** Virtual time: an event queue, the clocks of the processes, and the globals that read them. */
import { type Random, seeded } from '../../loadtest/support/random.ts';

/** The wall clock time at the start of the world; any time that fits into 48 bits. */
export const BEGIN_MS = 1_800_000_000_000;

/** A process with separate clocks. Its scheduled events end with it. */
export class Process {
  readonly name: string;
  /** How far the wall clock is ahead of the world, in ms. The offset may jump. */
  wallOffset = 0;
  /** How much faster the clocks run: 0.0001 is 100 ms in 1,000 s. */
  readonly drift: number;
  readonly #monotonicBegin: number;
  readonly random: Random;
  dead = false;
  readonly ticks: Tick[] = [];

  constructor(name: string, random: Random, drift = 0) {
    this.name = name;
    this.random = random;
    this.drift = drift;
    this.#monotonicBegin = Math.floor(random() * 1e6);
  }

  wall(now: number): number {
    return Math.floor(BEGIN_MS + now * (1 + this.drift) + this.wallOffset);
  }

  monotonic(now: number): number {
    return this.#monotonicBegin + now * (1 + this.drift);
  }
}

/** A short interval that only updates a clock. It runs before each event of its process, and not as a separate event. */
interface Tick {
  readonly callback: () => void;
  readonly period: number;
  last: number;
  cleared: boolean;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly owner: Process | undefined;
  run: (() => void) | undefined;
}

/** Longer intervals are events. Shorter intervals would be the majority of all events. */
const TICK_LIMIT_MS = 25;

export class World {
  now = 0;
  /** The number of events that have run. */
  steps = 0;
  readonly seed: number;
  /** Errors that an event threw, and unhandled rejections. */
  readonly faults: unknown[] = [];
  #order = 0;
  readonly #heap: Event[] = [];
  #current: Process | undefined;

  constructor(seed: number) {
    this.seed = seed;
  }

  /** Separate random numbers for each name, so that removing one operation of a plan does not change the others. */
  random(name: string): Random {
    let hash = this.seed | 0;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    return seeded(hash ^ (hash >>> 13));
  }

  get current(): Process | undefined {
    return this.#current;
  }

  /** Schedules a function at a time, in the process `owner`. */
  at(at: number, owner: Process | undefined, run: () => void): Event {
    const event: Event = { at: Math.max(at, this.now), order: this.#order++, owner, run };
    push(this.#heap, event);
    return event;
  }

  after(ms: number, owner: Process | undefined, run: () => void): Event {
    return this.at(this.now + ms, owner, run);
  }

  /** Runs a function now as a part of this process. */
  inside<T>(owner: Process | undefined, run: () => T): T {
    const before = this.#current;
    this.#current = owner;
    try {
      return run();
    } finally {
      this.#current = before;
    }
  }

  /** Runs events until `until`, or until `done` returns true after an event. */
  run(until: number, done?: () => boolean): void {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) break;
      pop(this.#heap);
      const { run, owner } = next;
      if (run === undefined || owner?.dead === true) continue;
      this.now = next.at;
      this.steps++;
      this.#current = owner;
      if (owner !== undefined && owner.ticks.length > 0) this.#tick(owner);
      try {
        run();
        settle();
      } catch (error) {
        this.faults.push(error);
      }
      this.#current = undefined;
      if (done?.()) return;
    }
    this.now = Math.max(this.now, until);
  }

  #tick(owner: Process): void {
    const { now } = this;
    for (const tick of owner.ticks) {
      const due = Math.floor(now / tick.period) * tick.period;
      if (due <= tick.last) continue;
      tick.last = due;
      this.now = due;
      tick.callback();
    }
    this.now = now;
  }

  /** Replaces the clocks and timers of this process. Returns a function that restores them. */
  install(): () => void {
    const real = {
      setTimeout: globalThis.setTimeout,
      setInterval: globalThis.setInterval,
      setImmediate: globalThis.setImmediate,
      clearTimeout: globalThis.clearTimeout,
      clearInterval: globalThis.clearInterval,
      clearImmediate: globalThis.clearImmediate,
    };
    const { now: dateNow } = Date;
    const { random } = Math;
    const clear = (timer: unknown) => {
      if (timer instanceof Timer) timer.clear();
    };
    Object.assign(globalThis, {
      setTimeout: (run: (...args: unknown[]) => void, ms = 1, ...args: unknown[]) =>
        new Timer(this, () => run(...args), ms, false),
      setInterval: (run: (...args: unknown[]) => void, ms = 1, ...args: unknown[]) =>
        new Timer(this, () => run(...args), ms, true),
      setImmediate: (run: (...args: unknown[]) => void, ...args: unknown[]) =>
        this.after(0, this.current, () => run(...args)),
      clearTimeout: clear,
      clearInterval: clear,
      clearImmediate: (event: Event | undefined) => {
        if (event !== undefined) event.run = undefined;
      },
    });
    Date.now = () => this.current?.wall(this.now) ?? Math.floor(BEGIN_MS + this.now);
    Object.defineProperty(performance, 'now', {
      configurable: true,
      writable: true,
      value: () => this.current?.monotonic(this.now) ?? this.now,
    });
    const own = this.random('math');
    Math.random = () => (this.current?.random ?? own)();
    const onRejection = (error: unknown) => void this.faults.push(error);
    process.on('unhandledRejection', onRejection);
    return () => {
      Object.assign(globalThis, real);
      Date.now = dateNow;
      Math.random = random;
      delete (performance as { now?: unknown }).now;
      process.off('unhandledRejection', onRejection);
    };
  }
}

/** Runs all pending ticks and microtasks, including those that they schedule. */
const settle = (process as unknown as { _tickCallback: () => void })._tickCallback;

class Timer {
  readonly #world: World;
  readonly #owner: Process | undefined;
  readonly #run: () => void;
  readonly #ms: number;
  readonly #repeat: boolean;
  #event: Event | undefined;
  #tick: Tick | undefined;

  constructor(world: World, run: () => void, ms: number, repeat: boolean) {
    this.#world = world;
    this.#owner = world.current;
    this.#run = run;
    this.#ms = Math.max(ms, 1);
    this.#repeat = repeat;
    if (repeat && ms < TICK_LIMIT_MS && this.#owner !== undefined) {
      this.#tick = { callback: run, period: ms, last: world.now, cleared: false };
      this.#owner.ticks.push(this.#tick);
    } else this.#start();
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  refresh(): this {
    this.clear();
    this.#start();
    return this;
  }

  clear(): void {
    if (this.#event !== undefined) this.#event.run = undefined;
    this.#event = undefined;
    const ticks = this.#owner?.ticks;
    if (this.#tick !== undefined && ticks !== undefined) ticks.splice(ticks.indexOf(this.#tick), 1);
    this.#tick = undefined;
  }

  #start(): void {
    const ms = this.#ms / (1 + (this.#owner?.drift ?? 0));
    this.#event = this.#world.after(ms, this.#owner, () => {
      if (this.#repeat) this.#start();
      else this.#event = undefined;
      this.#run();
    });
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Event[], event: Event): void {
  let at = heap.length;
  heap.push(event);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(event, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop()!;
  const size = heap.length;
  if (size === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
}
