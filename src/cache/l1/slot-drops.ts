import type { Memory } from './memory.ts';

/**
 * Drops the entries of slots from L1, a slice at a time, and lets the event loop run in between. No entry of a slot is
 * served without asking L2 until the slot has been dropped. One walk over L1 drops all slots that wait.
 */
export class SlotDrops {
  readonly #memory: Memory;
  #waiting = new Set<number>();
  #running = false;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  add(slots: Iterable<number>): void {
    if (this.#memory.size === 0) return;
    for (const slot of slots) {
      this.#memory.hold(slot, true);
      this.#waiting.add(slot);
    }
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.size > 0) {
      const slots = this.#waiting;
      this.#waiting = new Set();
      for (const _slice of this.#memory.dropSlots(slots)) await new Promise((resume) => setImmediate(resume));
      for (const slot of slots) if (!this.#waiting.has(slot)) this.#memory.hold(slot, false);
    }
    this.#running = false;
  }
}
