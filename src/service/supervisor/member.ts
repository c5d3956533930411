/** A process of a supervisor, seen from inside. */
import type { Ops } from '../../http/ops.ts';
import type { HotKeyRates } from '../../metrics/hot-keys.ts';
import { Channel, type Pipe } from './channel.ts';
import {
  type Counts,
  type HistorySamples,
  type ProcessAnswers,
  SUPERVISOR_ANSWER_MS,
  type SupervisorAnswers,
} from './questions.ts';

/** What the supervisor asks of a process. */
export type MemberAnswers = {
  readonly [Q in keyof ProcessAnswers]: (given: unknown) => ProcessAnswers[Q] | Promise<ProcessAnswers[Q]>;
};

export class Member {
  /** The number of the process, from 1. */
  readonly process: number;
  readonly #channel: Channel;
  #answers: MemberAnswers | undefined;

  constructor(process: number, pipe: Pipe) {
    this.process = process;
    this.#channel = new Channel(pipe, (question, given) => {
      if (this.#answers === undefined) throw new Error('the process has not started');
      return this.#answers[question as keyof ProcessAnswers](given);
    });
  }

  /** Begins to answer the supervisor. */
  answer(answers: MemberAnswers): void {
    this.#answers = answers;
  }

  /** Tells the supervisor that this process accepts connections. */
  async listening(): Promise<void> {
    await this.#ask('listening');
  }

  /** Hands the last counts of this process to the supervisor. They are lost if the supervisor has ended. */
  async ending(counts: Counts): Promise<void> {
    await this.#ask('ending', counts).catch(() => {});
  }

  /**
   * The endpoints of operators, over all processes.
   * @param notReady why this process is not ready, which is known without the supervisor
   */
  ops(notReady: () => string | undefined): Ops {
    return {
      health: () => this.#ask('health'),
      notReady: async () => notReady() ?? this.#ask('notReady'),
      metrics: (format) => this.#ask('metrics', format),
      stats: () => this.#ask('stats'),
    };
  }

  /** The configuration of all processes. */
  configuration(): Promise<SupervisorAnswers['configuration']> {
    return this.#ask('configuration');
  }

  /** The samples of the whole service with a greater number, and the id of the supervisor. */
  history(after: number): Promise<HistorySamples> {
    return this.#ask('history', after);
  }

  /** The rates of keys in every process that answers. */
  hotKeys(): Promise<readonly HotKeyRates[]> {
    return this.#ask('hotKeys');
  }

  #ask<Q extends keyof SupervisorAnswers>(question: Q, given?: unknown): Promise<SupervisorAnswers[Q]> {
    return this.#channel.ask(question, SUPERVISOR_ANSWER_MS, given) as Promise<SupervisorAnswers[Q]>;
  }
}
