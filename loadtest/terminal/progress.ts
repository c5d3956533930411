import type { Profile } from '../profile.ts';
import type { Progress } from '../run-profile.ts';

// A terminal shows one line that changes; a log file receives a line at this interval.
const LOG_EVERY_SECONDS = 5;

/** Shows the progress of a run on a terminal or in a log. */
export class ProgressLine {
  readonly #out: NodeJS.WriteStream;
  readonly #seconds: number;

  constructor({ name, question, load }: Profile, out: NodeJS.WriteStream = process.stderr) {
    this.#out = out;
    this.#seconds = Math.ceil(load.seconds);
    out.write(`${name}: ${question}\n`);
  }

  show(progress: Progress): void {
    switch (progress.kind) {
      case 'filling':
        return this.#passing('filling Redis, starting the service');
      case 'starting':
        return this.#passing('measuring the ceiling of the generator');
      case 'ceiling':
        return this.#lasting(`ceiling of the generator: ${Math.round(progress.perSecond)}/s`);
      case 'measuring':
        return this.#passing(`measuring for ${this.#seconds} s`);
      case 'fault':
        return this.#lasting(progress.what);
      case 'second': {
        const { second, completed, p50Us, p99Us, maxUs } = progress.second;
        const text = `${second + 1}/${this.#seconds} s  ${completed}/s  p50 ${ms(p50Us)}  p99 ${ms(p99Us)}  max ${ms(maxUs)}`;
        if (this.#out.isTTY || (second + 1) % LOG_EVERY_SECONDS === 0) this.#passing(text);
      }
    }
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write('\r\u001b[K');
  }

  /** On a terminal the next text replaces this one. */
  #passing(text: string): void {
    this.#out.write(this.#out.isTTY ? `\r\u001b[K  ${text}` : `  ${text}\n`);
  }

  #lasting(text: string): void {
    this.end();
    this.#out.write(`  ${text}\n`);
  }
}

function ms(us: number): string {
  return `${(us / 1000).toFixed(2)} ms`;
}
