import { randomBytes } from 'node:crypto';

/** Changed keys that are remembered. */
const REMEMBERED = 16_384;

/** How far a client has received the changes of this process. */
export interface Position {
  /** The epoch changes when earlier positions are not comparable any more. */
  readonly epoch: string;
  /** The number of changes before this position. */
  readonly offset: number;
}

/**
 * The latest changed keys, for clients that reconnect. A ring of keys, not of values: a client that resumes receives the
 * present state of each key that changed.
 *
 * Changes are counted as they become known. A client receives the state of a key later, after it was read. Until then the
 * change is open, and no position is beyond it.
 */
export class History {
  readonly #size: number;
  readonly #keys: string[] = [];
  /** The keys of open changes, oldest first, each with the offset of its oldest one and the number of its reads. */
  readonly #open = new Map<string, { offset: number; reads: number }>();
  #epoch = newEpoch();
  #offset = 0;

  constructor(size = REMEMBERED) {
    this.#size = size;
  }

  /** Clients have received all changes before this position. */
  get position(): Position {
    const [oldest] = this.#open.values();
    return { epoch: this.#epoch, offset: oldest?.offset ?? this.#offset };
  }

  /** @param isOpen whether the state of the key is read now. Then `settled` is called once after the read */
  changed(key: string, isOpen: boolean): void {
    const open = this.#open.get(key);
    if (isOpen && open === undefined) this.#open.set(key, { offset: this.#offset, reads: 1 });
    else if (isOpen) open!.reads++;
    this.#keys[this.#offset % this.#size] = key;
    this.#offset++;
  }

  /** A read of the key has ended. Its result is sent in this turn, or a later change follows. */
  settled(key: string): void {
    const open = this.#open.get(key);
    if (open !== undefined && --open.reads === 0) this.#open.delete(key);
  }

  /** The keys that changed after a position; undefined if they are not known. */
  since({ epoch, offset }: Position): Set<string> | undefined {
    const count = this.#offset - offset;
    if (epoch !== this.#epoch || count < 0 || count > this.#size) return undefined;
    return new Set(Array.from({ length: count }, (_, i) => this.#keys[(offset + i) % this.#size]!));
  }

  /** Whether a change of the key is being read. */
  isOpen(key: string): boolean {
    return this.#open.has(key);
  }

  /** Any key may have changed. Open changes stay open: clients receive them after positions of the new epoch. */
  restart(): void {
    this.#epoch = newEpoch();
    this.#keys.length = 0;
    this.#offset = 0;
    for (const [key, open] of this.#open) {
      open.offset = 0;
      this.#keys[this.#offset++ % this.#size] = key;
    }
  }
}

function newEpoch(): string {
  return randomBytes(8).toString('hex');
}
