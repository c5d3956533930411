import { type CoherenceState, isTrusted } from './bus.ts';
import type { Memory } from './l1/memory.ts';
import type { Slots } from './slots.ts';

/** A server of L2 with the link that reports its changes. */
export class Source {
  /** The name of the server in logs; undefined where L2 is one server. */
  readonly name: string | undefined;
  state: CoherenceState;
  /** The number of slots that the server owns. */
  slots = 0;

  constructor(name: string | undefined, state: CoherenceState) {
    this.name = name;
    this.state = state;
  }
}

const ORDER: readonly CoherenceState[] = ['coherent', 'off', 'degraded', 'blind'];

/**
 * What readers may rely on, slot by slot. L1 serves the entries of a slot only while the source that owns the slot is
 * trusted, so the loss of one server does not affect the entries of the others.
 */
export class Coherence {
  readonly #slots: Slots;
  readonly #memory: Memory | undefined;
  /** The owner of each slot. */
  readonly #owners: Source[];
  readonly #sources = new Set<Source>();
  #worst: CoherenceState;

  /** @param first owns all slots at first */
  constructor(slots: Slots, memory: Memory | undefined, first: Source) {
    this.#slots = slots;
    this.#memory = memory;
    this.#owners = Array<Source>(slots.count).fill(first);
    first.slots = slots.count;
    this.#sources.add(first);
    this.#worst = first.state;
    memory?.trustAll(isTrusted(first.state));
  }

  /** The worst state of all sources that own a slot. */
  get state(): CoherenceState {
    return this.#worst;
  }

  /** The source that reports the changes of the key. */
  ownerOf(key: string): Source {
    return this.#owners[this.#slots.of(key)]!;
  }

  /** Returns whether each key belongs to the source. */
  keysOf(source: Source): (key: string) => boolean {
    return (key) => this.ownerOf(key) === source;
  }

  /** Returns the slots that the source owns. */
  slotsOf(source: Source): Set<number> {
    const owned = new Set<number>();
    for (const [slot, owner] of this.#owners.entries()) if (owner === source) owned.add(slot);
    return owned;
  }

  /** The source has a new state. @returns whether the worst state has changed */
  changed(source: Source, state: CoherenceState): boolean {
    source.state = state;
    this.#owners.forEach((owner, slot) => {
      if (owner === source) this.#memory?.trust(slot, isTrusted(state));
    });
    return this.#judge();
  }

  /** The source owns these slots from now on. @returns whether the worst state has changed */
  assign(source: Source, slots: Iterable<number>): boolean {
    this.#sources.add(source);
    for (const slot of slots) {
      const before = this.#owners[slot]!;
      if (--before.slots === 0) this.#sources.delete(before);
      this.#owners[slot] = source;
      source.slots++;
      this.#memory?.trust(slot, isTrusted(source.state));
    }
    return this.#judge();
  }

  #judge(): boolean {
    let worst: CoherenceState = 'coherent';
    for (const { state, slots } of this.#sources)
      if (slots > 0 && ORDER.indexOf(state) > ORDER.indexOf(worst)) worst = state;
    const changed = worst !== this.#worst;
    this.#worst = worst;
    return changed;
  }
}
