import { TYPES, typeOf } from '../key.ts';
import type { Logger } from '../log.ts';
import { SpaceSaving } from './space-saving.ts';

/** The interval of the lines, in milliseconds. */
const INTERVAL_MS = 1000;

const TRACKED_KEYS = 100;
const TOP_KEYS = 5;
const MAX_KEY_CHARACTERS = 120;

/** Control, format and unassigned characters, lone surrogates, line and paragraph separators. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/u;

/**
 * Logs cache misses: at most one line a second, and no line without misses. The fields are `misses`, `by_type` and
 * `top`: the keys with the most misses, each with a lower bound of its misses.
 */
export class MissLog {
  readonly #log: Pick<Logger, 'info'>;
  #byType = new Float64Array(TYPES.length);
  #keys = new SpaceSaving(TRACKED_KEYS);
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Pick<Logger, 'info'>) {
    this.#log = log;
  }

  /** Counts a read that found the key in neither tier. */
  record(key: string): void {
    this.#byType[typeOf(key)]!++;
    this.#keys.add(key);
    this.#timer ??= setTimeout(() => this.flush(), INTERVAL_MS).unref();
  }

  /** Writes the current line at once. Called at shutdown. */
  flush(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const counted = TYPES.map((type, i) => [type, this.#byType[i]!] as const).filter(
      ([, count]) => count > 0,
    );
    this.#log.info(
      {
        misses: counted.reduce((sum, [, count]) => sum + count, 0),
        by_type: Object.fromEntries(counted),
        top: this.#keys.top(TOP_KEYS).map(({ key, count }) => ({ key: printable(key), misses: count })),
      },
      'cache miss summary',
    );
    this.#byType = new Float64Array(TYPES.length);
    this.#keys = new SpaceSaving(TRACKED_KEYS);
  }
}

/** Makes a key safe for a terminal: escapes invisible characters and truncates long keys. */
function printable(key: string): string {
  let text = '';
  for (const character of key) {
    const shown = INVISIBLE.test(character) ? `\\u{${character.codePointAt(0)!.toString(16)}}` : character;
    if (text.length + shown.length > MAX_KEY_CHARACTERS) return `${text}…`;
    text += shown;
  }
  return text;
}
