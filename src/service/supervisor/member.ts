/** A process of a supervisor, seen from inside. */
import { ServiceError } from '../../errors.ts';
import type { Ops } from '../../http/ops.ts';
import type { Health } from '../../metrics/health.ts';
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
   * The endpoints of operators, over all processes. While the supervisor does not answer, the health covers this
   * process only.
   * @param notReady why this process is not ready. While it is being replaced, the service is ready: the supervisor knows
   * @param health of this process
   */
  ops(notReady: () => string | undefined, health: () => Promise<Health>): Ops {
    return {
      health: () => this.#ask('health').catch(async () => this.#alone(await health())),
      notReady: async () =>
        this.#ask('notReady').catch(({ message }: ServiceError): string => notReady() ?? message),
      metrics: (format) => this.#ask('metrics', format),
      stats: () => this.#ask('stats'),
    };
  }

  #alone({ serving, body }: Health): Health {
    const reason = `The supervisor does not answer: this is the health of process ${this.process} only`;
    const status = body.status === 'healthy' ? 'degraded' : body.status;
    return { serving, body: { ...body, status, reasons: [reason, ...body.reasons] } };
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

  /** @throws ServiceError if the supervisor does not answer */
  async #ask<Q extends keyof SupervisorAnswers>(question: Q, given?: unknown): Promise<SupervisorAnswers[Q]> {
    try {
      return (await this.#channel.ask(question, SUPERVISOR_ANSWER_MS, given)) as SupervisorAnswers[Q];
    } catch (cause) {
      const detail = `the supervisor does not answer: ${(cause as Error).message}`;
      throw new ServiceError('overloaded', detail, undefined, { cause });
    }
  }
}
