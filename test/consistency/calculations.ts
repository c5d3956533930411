/** Clients that store and read calculations while others change the inputs, and the check that none is served too late. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pick } from '../../loadtest/support/random.ts';
import { until } from '../../loadtest/support/until.ts';
import type { Service } from '../../loadtest/target/service.ts';
import type { History, Read } from './history.ts';
import { type ActorDeps, readOne, withClient } from './http-actors.ts';

/** The inputs that writers change often. The other inputs of the calculations do not exist. */
const INPUTS: Readonly<Record<string, string>> = {
  S0: 'borrow_rate:S0',
  S1: 'borrow_rate:S1',
  F0: 'volatility:F0',
};

/** So many that each is stored rarely. A newer calculation does not hide one that is served too long. */
const KEYS = Object.keys(INPUTS).flatMap((ticker) =>
  Array.from({ length: 100 }, (_, i) => `calculation:${ticker}:c${i}:1`),
);

function inputOf(key: string): string {
  return INPUTS[key.split(':')[1]!]!;
}

export class Calculations {
  readonly #isOrdered: boolean;
  /** When each stored calculation was acknowledged, by its number. */
  readonly #storedAt: number[] = [];
  readonly #reads: Read[] = [];

  /**
   * @param isOrdered whether links show the order of a calculation and a change. Elsewhere their versions decide, and the
   *   clock of one writer may be behind: see "What is not promised" in docs/coherence.md
   */
  constructor(isOrdered: boolean) {
    this.#isOrdered = isOrdered;
  }

  /** Reads that returned a calculation. */
  get served(): number {
    return this.#reads.filter(({ n }) => n > 0).length;
  }

  /** Stores and reads calculations through a replica, one at a time. */
  async run(service: Service, replica: number, { random, stopped }: ActorDeps): Promise<void> {
    let last = pick(KEYS, random);
    await withClient(service, async (client) => {
      while (!stopped()) {
        if (random() < 0.2) {
          last = pick(KEYS, random);
          await this.#store(service, last);
        }
        const key = random() < 0.5 ? last : pick(KEYS, random);
        this.#reads.push(...(await readOne(client, replica, key)));
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
      const changedAt = this.#changedAt(ops, read);
      if (changedAt >= read.start) continue;
      const staleness = read.start - changedAt - heldUp(changedAt, read.start, read);
      if (staleness > boundMs)
        found.push(
          `stale by ${staleness.toFixed(1)} ms: ${read.key} was #${read.n} at replica ${read.replica}, older than ${inputOf(read.key)}`,
        );
    }
    return found;
  }

  /**
   * Once all changes have arrived, no replica has a calculation that is older than its input. Unlike the bound, this does
   * not depend on how long the processes waited for a CPU.
   */
  async checkEnd({ ops }: History, services: readonly Service[]): Promise<string[]> {
    const differences = async () => {
      const found: string[] = [];
      for (const [replica, service] of services.entries())
        await withClient(service, async (client) => {
          for (const key of KEYS)
            for (const read of await readOne(client, replica, key))
              if (read.n > 0 && !read.marked && this.#changedAt(ops, read) < Number.POSITIVE_INFINITY)
                found.push(
                  `at the end replica ${replica} has #${read.n} of ${key} (${read.version}), older than ${inputOf(key)}`,
                );
        });
      return found;
    };
    return until(async () => (await differences()).length === 0, { everyMs: 50, timeoutMs: 5000 }).then(
      () => [],
      differences,
    );
  }

  /** When the first write of the input after the calculation was acknowledged; Infinity without such a write. */
  #changedAt(ops: History['ops'], { key: calculation, n, version: own = '' }: Read): number {
    const isLater = (version: string | undefined) =>
      this.#isOrdered || version === undefined || version > own;
    const storedAt = this.#storedAt[n - 1]!;
    const input = inputOf(calculation);
    let changedAt = Number.POSITIVE_INFINITY;
    for (const { key, kind, start, end, version } of ops)
      if (key === input && kind === 'write' && start > storedAt && end < changedAt && isLater(version))
        changedAt = end;
    return changedAt;
  }
}
