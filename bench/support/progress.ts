/** What is being measured, on standard error: one line that changes on a terminal, else a line for each suite. */
export interface Progress {
  begins(what: string): void;
  end(): void;
}

const CLEAR_LINE = '\r\u001b[2K';

export function progressOn(stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? new ChangingLine(stream) : new LinePerSuite(stream);
}

class ChangingLine implements Progress {
  readonly #stream: NodeJS.WriteStream;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  begins(what: string): void {
    this.#stream.write(CLEAR_LINE + what.slice(0, this.#stream.columns - 1));
  }

  end(): void {
    this.#stream.write(CLEAR_LINE);
  }
}

class LinePerSuite implements Progress {
  readonly #stream: NodeJS.WriteStream;
  #suite = '';

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  begins(what: string): void {
    const suite = what.split(': ', 1)[0]!;
    if (suite !== this.#suite) this.#stream.write(`${suite}\n`);
    this.#suite = suite;
  }

  end(): void {
    this.#suite = '';
  }
}
