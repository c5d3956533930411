/** The way between a process and Redis: two directions, each in order, with delays, blocks and losses. */
import type { Random } from '../../loadtest/support/random.ts';
import type { Process, World } from './world.ts';

/** What is wrong with the way of one process, for all of its connections. */
export class Path {
  /** In ms, in each direction, on top of a fraction of a millisecond. */
  extraMs = 0;
  /** As much again by chance. */
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

/** One direction of one connection. What is sent while it is blocked arrives after, as TCP sends it again. */
export class Pipe {
  readonly #world: World;
  readonly #path: Path;
  readonly #up: boolean;
  readonly #owner: Process | undefined;
  readonly #random: Random;
  readonly #deliver: (item: unknown) => void;
  readonly #held: unknown[] = [];
  #lastArrival = 0;
  /** Half open: it is blocked for ever. */
  dead = false;

  /** @param owner the process that it delivers to; undefined for Redis */
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

  /** It may be open again. */
  look(): void {
    if (this.blocked || this.#held.length === 0) return;
    // The sender tries again only every so often.
    const pause = this.#random() * 400;
    for (const item of this.#held.splice(0)) this.#carry(item, pause);
  }

  /** What has not left is lost. */
  drop(): void {
    this.#held.length = 0;
  }

  close(): void {
    this.#path.pipes.delete(this);
  }

  #carry(item: unknown, pauseMs: number): void {
    const { extraMs, jitterMs } = this.#path;
    // Eighths of a millisecond, so that things arrive together.
    const delay = (1 + Math.floor(this.#random() * 6)) / 8 + extraMs + this.#random() * jitterMs + pauseMs;
    const at = Math.max(this.#lastArrival, this.#world.now + delay);
    this.#lastArrival = at;
    this.#world.at(at, this.#owner, () => this.#deliver(item));
  }
}
