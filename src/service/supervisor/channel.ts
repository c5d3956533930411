/** Questions and answers between the supervisor and one of its processes, over the IPC channel of Node. */

type Message =
  | { readonly question: string; readonly given: unknown; readonly id: number }
  | { readonly answer: unknown; readonly id: number }
  | { readonly failure: string; readonly id: number };

/** Answers a question of the other side. A rejection reaches the other side with its message. */
export type Answer = (question: string, given: unknown) => unknown;

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** The part of `process` and of a child process that the channel uses. */
export interface Pipe {
  readonly connected: boolean;
  send?(message: Message, done: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: Message) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

export class Channel {
  readonly #pipe: Pipe;
  readonly #answer: Answer;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(pipe: Pipe, answer: Answer) {
    this.#pipe = pipe;
    this.#answer = answer;
    pipe.on('message', (message) => this.#receive(message));
    pipe.on('disconnect', () => this.#failAll());
  }

  /** Rejects if no answer arrives in time, if the other side fails, and if it has ended. */
  ask(question: string, timeoutMs: number, given?: unknown): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const late = () => this.#fail(id, `no answer within ${timeoutMs} ms`);
      this.#waiting.set(id, { resolve, reject, timer: setTimeout(late, timeoutMs) });
      this.#send({ question, given, id });
    });
  }

  #receive(message: Message): void {
    if ('question' in message) return void this.#reply(message.question, message.given, message.id);
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    if ('failure' in message) return this.#fail(message.id, message.failure);
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    waiting.resolve(message.answer);
  }

  async #reply(question: string, given: unknown, id: number): Promise<void> {
    try {
      this.#send({ answer: await this.#answer(question, given), id });
    } catch (error) {
      this.#send({ failure: (error as Error).message, id });
    }
  }

  #send(message: Message): void {
    if (!this.#pipe.connected) return this.#fail(message.id, 'the other process has ended');
    this.#pipe.send!(message, (error) => {
      if (error !== null && 'question' in message) this.#fail(message.id, error.message);
    });
  }

  #fail(id: number, reason: string): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    waiting.reject(new Error(reason));
  }

  #failAll(): void {
    for (const id of [...this.#waiting.keys()]) this.#fail(id, 'the other process has ended');
  }
}
