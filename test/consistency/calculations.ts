/** Clients that store and read calculations while others change the inputs, and the check that none is served too late. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pick } from '../../loadtest/support/random.ts';
import type { Service } from '../../loadtest/target/service.ts';
import type { History, Read } from './history.ts';
import { type ActorDeps, readOne, withClient } from './http-actors.ts';

/** By calculation, the input that writers change often. Its other inputs do not exist. */
const INPUT_OF: ReadonlyMap<string, string> = new Map([
  ['calculation:S0:c:1', 'borrow_rate:S0'],
  ['calculation:S1:c:1', 'borrow_rate:S1'],
  ['calculation:F0:c:1', 'volatility:F0'],
]);

const KEYS = [...INPUT_OF.keys()];

export class Calculations {
  /** When each stored calculation was acknowledged, by its number. */
  readonly #storedAt: number[] = [];
  readonly #reads: Read[] = [];

  /** Reads that returned a calculation. */
  get served(): number {
    return this.#reads.filter(({ n }) => n > 0).length;
  }

  /** Stores and reads calculations through a replica, one at a time. */
  async run(service: Service, replica: number, { random, stopped }: ActorDeps): Promise<void> {
    await withClient(service, async (client) => {
      while (!stopped()) {
        const key = pick(KEYS, random);
        if (random() < 0.3) await this.#store(service, key);
        else this.#reads.push(...(await readOne(client, replica, key)));
        await sleep(random() * 4);
      }
    });
  }

  async #store(service: Service, key: string): Promise<void> {
    const n = this.#storedAt.push(Number.POSITIVE_INFINITY);
    const answer = await service
      .fetch(`/v1/cache/${key}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ n }),
      })
      .catch(() => undefined);
    await answer?.arrayBuffer().catch(() => undefined);
    if (answer?.status === 201 || answer?.status === 204) this.#storedAt[n - 1] = performance.now();
  }

  /** Returns the reads of calculations that were stored before a write of their input, which was acknowledged too long ago. */
  violations(
    { ops }: History,
    boundMs: number,
    heldUp: (from: number, to: number, read: Read) => number,
  ): string[] {
    const found: string[] = [];
    for (const read of this.#reads) {
      if (read.n === 0 || read.marked || read.coherence === 'blind') continue;
      const storedAt = this.#storedAt[read.n - 1]!;
      const input = INPUT_OF.get(read.key)!;
      let changedAt = Number.POSITIVE_INFINITY;
      for (const { key, kind, start, end } of ops)
        if (key === input && kind === 'write' && start > storedAt && end < changedAt) changedAt = end;
      if (changedAt >= read.start) continue;
      const staleness = read.start - changedAt - heldUp(changedAt, read.start, read);
      if (staleness > boundMs)
        found.push(
          `stale by ${staleness.toFixed(1)} ms: ${read.key} was #${read.n} at replica ${read.replica}, older than ${input}`,
        );
    }
    return found;
  }
}
