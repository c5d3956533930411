/** A terminal that one command repaints. */

// The alternate screen, without a cursor. A narrow terminal cuts lines, and does not continue them on the next row.
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[2K';
const CLEAR_BELOW = '\r\n\u001b[J';

/** The keys that end the command: q, Ctrl-C and Ctrl-D. */
const ENDING_KEYS = ['q', 'Q', '\u0003', '\u0004'];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Whether standard output can be repainted. */
export function canRepaint(): boolean {
  return process.stdout.isTTY === true && process.env.TERM !== 'dumb';
}

/**
 * Uses the alternate screen until the user ends the command, then restores the terminal. Where standard input is not a
 * terminal, only a signal ends the command.
 */
export class Screen {
  /** Resolves when the user ends the command. */
  readonly ended: Promise<void>;
  #draw: ((size: Size) => readonly string[]) | undefined;
  readonly #end: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = resolve;
    for (const signal of SIGNALS) process.on(signal, this.#end);
    process.stdout.on('resize', this.#repaint);
    // The terminal has been closed.
    process.stdout.on('error', this.#end);
    if (process.stdin.isTTY) process.stdin.setRawMode(true).on('data', this.#onKey);
    process.stdout.write(ENTER);
  }

  /** Paints now, and again whenever the size changes. @param draw returns lines that fit the size */
  paint(draw: (size: Size) => readonly string[]): void {
    this.#draw = draw;
    this.#repaint();
  }

  /** Restores the terminal. */
  close(): void {
    for (const signal of SIGNALS) process.removeListener(signal, this.#end);
    process.stdout.removeListener('resize', this.#repaint);
    process.stdout.removeListener('error', this.#end);
    if (process.stdin.isTTY) process.stdin.removeListener('data', this.#onKey).setRawMode(false).pause();
    process.stdout.write(LEAVE);
  }

  readonly #onKey = (keys: Buffer): void => {
    if ([...keys.toString()].some((key) => ENDING_KEYS.includes(key))) this.#end();
  };

  readonly #repaint = (): void => {
    if (this.#draw === undefined) return;
    const { columns = 80, rows = 24 } = process.stdout;
    const lines = this.#draw({ columns, rows }).slice(0, rows);
    // Each line is cleared before it is written: after a full line the cursor is still on its last character.
    const text = lines.map((line) => CLEAR_LINE + line).join('\r\n');
    process.stdout.write(HOME + text + (lines.length < rows ? CLEAR_BELOW : ''));
  };
}
