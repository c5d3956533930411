import { TYPES, typeOf } from '../key.ts';
import type { Logger } from '../log.ts';
import { SpaceSaving } from './space-saving.ts';

export interface MissLogDeps {
  readonly log: Pick<Logger, 'info'>;
  /** Milliseconds that one line covers; 1000 by default. */
  readonly everyMs?: number;
}

const TRACKED_KEYS = 100;
const TOP_KEYS = 5;
const MAX_KEY_CHARACTERS = 120;

/** Control, format and unassigned characters, lone surrogates, line and paragraph separators. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/u;

/**
 * Tells the log of cache misses: one line a second at most, and none without misses. It has the fields
 * `misses`, `by_type` and `top`: the most-missed keys, each with how often it was missed at least.
 */
export class MissLog {
  readonly #log: MissLogDeps['log'];
  readonly #everyMs: number;
  #byType = new Float64Array(TYPES.length);
  #keys = new SpaceSaving(TRACKED_KEYS);
  #timer: NodeJS.Timeout | undefined;

  constructor({ log, everyMs = 1000 }: MissLogDeps) {
    this.#log = log;
    this.#everyMs = everyMs;
  }

  /** For each read that found the key in neither tier. */
  record(key: string): void {
    this.#byType[typeOf(key)]!++;
    this.#keys.add(key);
    this.#timer ??= setTimeout(() => this.flush(), this.#everyMs).unref();
  }

  /** Writes what there is to tell now, without waiting for the second to end: for the shutdown. */
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

/** A key fit for a terminal and of bounded length: invisible characters are escaped, a long tail is cut. */
function printable(key: string): string {
  let text = '';
  for (const character of key) {
    const shown = INVISIBLE.test(character) ? `\\u{${character.codePointAt(0)!.toString(16)}}` : character;
    if (text.length + shown.length > MAX_KEY_CHARACTERS) return `${text}…`;
    text += shown;
  }
  return text;
}
