/** The history and the hot keys of all processes together. */
import { randomBytes } from 'node:crypto';
import { History, INTERVAL_MS } from '../../metrics/history.ts';
import type { HotKeyRates } from '../../metrics/hot-keys.ts';
import { mergeShares, type Reading, type Share } from '../../metrics/interval.ts';
import type { Child } from './child.ts';
import type { Processes } from './processes.ts';
import type { HistorySamples, ProcessAnswers } from './questions.ts';

export class MergedHistory {
  /** Samples of another supervisor have other numbers. As the id of a replica, it has eight hexadecimal digits. */
  readonly #id = randomBytes(4).toString('hex');
  readonly #processes: Processes;
  readonly #history = new History();
  /** The latest reading of each process. */
  readonly #before = new WeakMap<Child, Reading>();
  readonly #timer = setInterval(() => void this.#record(), INTERVAL_MS).unref();
  /** When the present interval began, in ms since 1970. */
  #from = Date.now();

  constructor(processes: Processes) {
    this.#processes = processes;
  }

  readonly history = (after: unknown): HistorySamples => ({
    replica: this.#id,
    samples: this.#history.after(after as number),
  });

  readonly hotKeys = (): Promise<readonly HotKeyRates[]> => this.#askAll('hotKeys', (_, rates) => rates);

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * Adds a sample. What a process did that does not answer now is in the sample after its next answer. If no process answers,
   * the interval continues. What a process did after its last reading is lost when it ends.
   */
  async #record(): Promise<void> {
    const shares = await this.#askAll('reading', (child, now): Share => {
      const before = this.#before.get(child);
      this.#before.set(child, now);
      return { before, now };
    });
    if (shares.length === 0) return;
    const to = Date.now();
    this.#history.add(mergeShares(shares, this.#from, to));
    this.#from = to;
  }

  /** Asks every process, and ignores processes that do not answer. */
  async #askAll<Q extends 'reading' | 'hotKeys', T>(
    question: Q,
    use: (child: Child, answer: ProcessAnswers[Q]) => T,
  ): Promise<T[]> {
    const asked = [...this.#processes.running].map((child) =>
      child.ask(question).then(
        (answer) => [use(child, answer)],
        () => [],
      ),
    );
    return (await Promise.all(asked)).flat();
  }
}
