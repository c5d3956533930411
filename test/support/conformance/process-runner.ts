import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { CallError, type Json, type Runner } from './scenario.ts';

/** Drives a client in another process: one JSON object a line, commands to its standard input, answers from its output. */
export class ProcessRunner implements Runner {
  readonly #process: ChildProcess;
  readonly #open = new Map<number, PromiseWithResolvers<Json>>();
  #lastId = 0;
  onChange: Runner['onChange'] = () => {};

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
    createInterface({ input: this.#process.stdout! }).on('line', (line) => this.#onLine(JSON.parse(line)));
    this.#process.on('close', (code) => {
      for (const { reject } of this.#open.values()) reject(new Error(`the runner exited with code ${code}`));
    });
  }

  run(command: { readonly do: string; readonly [argument: string]: Json }): Promise<Json> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Json>();
    this.#open.set(id, answer);
    this.#process.stdin!.write(`${JSON.stringify({ id, ...command })}\n`);
    return answer.promise;
  }

  /** The runner exits at the end of its input. */
  async end(): Promise<void> {
    const exited = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.stdin!.end();
    await exited;
  }

  #onLine({ id, result, error, subscription, change }: Json): void {
    if (subscription !== undefined) return this.onChange(subscription, change);
    const answer = this.#open.get(id)!;
    this.#open.delete(id);
    if (error === undefined) answer.resolve(result);
    else answer.reject(new CallError(error));
  }
}
