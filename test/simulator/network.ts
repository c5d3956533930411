/** The network path between a process and Redis: two ordered directions with delays, blocks and losses. */
import type { Random } from '../../loadtest/support/random.ts';
import type { Process, World } from './world.ts';

/** The faults of the path of one process, for all of its connections. */
export class Path {
  /** The additional delay in each direction in ms. The basic delay is less than a millisecond. */
  extraMs = 0;
  /** The largest random delay on top of `extraMs`. */
  jitterMs = 0;
  blockedUp = false;
  blockedDown = false;
  readonly pipes = new Set<Pipe>();

  block(up: boolean, down: boolean): void {
    this.blockedUp = up;
    this.blockedDown = down;
    for (const pipe of this.pipes) pipe.look();
  }
}

/** One direction of one connection. Data that is sent while it is blocked arrives later, like a TCP retransmission. */
export class Pipe {
  readonly #world: World;
  readonly #path: Path;
  readonly #up: boolean;
  readonly #owner: Process | undefined;
  readonly #random: Random;
  readonly #deliver: (item: unknown) => void;
  readonly #held: unknown[] = [];
  #lastArrival = 0;
  /** Half open: the direction is blocked forever. */
  dead = false;

  /** @param owner the process that receives the data; undefined for Redis */
  constructor(
    world: World,
    path: Path,
    direction: 'up' | 'down',
    random: Random,
    owner: Process | undefined,
    deliver: (item: unknown) => void,
  ) {
    this.#world = world;
    this.#path = path;
    this.#up = direction === 'up';
    this.#random = random;
    this.#owner = owner;
    this.#deliver = deliver;
    path.pipes.add(this);
  }

  get blocked(): boolean {
    return this.dead || (this.#up ? this.#path.blockedUp : this.#path.blockedDown);
  }

  send(item: unknown): void {
    if (this.blocked || this.#held.length > 0) this.#held.push(item);
    else this.#carry(item, 0);
  }

  /** Sends the held data if the direction is no longer blocked. */
  look(): void {
    if (this.blocked || this.#held.length === 0) return;
    // The sender retransmits only after a pause.
    const pause = this.#random() * 400;
    for (const item of this.#held.splice(0)) this.#carry(item, pause);
  }

  /** Drops the data that has not been sent. */
  drop(): void {
    this.#held.length = 0;
  }

  close(): void {
    this.#path.pipes.delete(this);
  }

  #carry(item: unknown, pauseMs: number): void {
    const { extraMs, jitterMs } = this.#path;
    // Eighths of a millisecond, so that several items arrive at the same time.
    const delay = (1 + Math.floor(this.#random() * 6)) / 8 + extraMs + this.#random() * jitterMs + pauseMs;
    const at = Math.max(this.#lastArrival, this.#world.now + delay);
    this.#lastArrival = at;
    this.#world.at(at, this.#owner, () => this.#deliver(item));
  }
}
