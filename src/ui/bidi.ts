/**
 * Texts with right-to-left characters. A browser reorders what follows such a character, also the next field and its
 * punctuation. So each name, key and value with such characters is isolated from the text around it. In a string, the
 * isolating characters of Unicode mark it; `dom.ts` shows them as `<bdi>`, so that nobody copies them. Data cannot
 * contain them, because `visible` escapes them. No function here needs a browser.
 */
import { visible } from './format.ts';

/** Begins a text whose first letter decides its direction. */
const AUTO = '\u2068';
/** Begins a text from left to right. */
const LEFT_TO_RIGHT = '\u2066';
const END = '\u2069';
const MARKERS = /[\u2066\u2068\u2069]/g;

/** The blocks of scripts that are written from right to left, such as Hebrew and Arabic. */
const BLOCKS = '\\u0590-\\u08ff\\ufb1d-\\ufdff\\ufe70-\\ufeff\\u{10800}-\\u{10fff}\\u{1e800}-\\u{1efff}';
const RIGHT_TO_LEFT = new RegExp(`[${BLOCKS}]`, 'u');
const WORD = `\\S*[${BLOCKS}]\\S*`;
/** Words of these scripts, with the numbers and signs between them. */
const WORDS = new RegExp(`${WORD}(?:\\s+(?:[^\\s\\p{L}]+\\s+)*${WORD})*`, 'gu');
const STRINGS = /"(?:[^"\\]|\\.)*"?/gs;

/** A name or a text of people. */
export function named(text: string): string {
  return isolated(visible(text));
}

/** A key: its parts stay in their order. */
export function keyed(key: string): string {
  return partsInOrder(visible(key));
}

/** A sentence of the service, which may name keys and repeat reasons. */
export function sentence(text: string): string {
  const shown = visible(text);
  if (!RIGHT_TO_LEFT.test(shown)) return shown;
  return shown.replace(WORDS, (run) => {
    const end = /[.,;:!?]*$/.exec(run)![0];
    const words = run.slice(0, run.length - end.length);
    return (/\s/.test(words) ? isolated(words) : partsInOrder(words)) + end;
  });
}

/** JSON: its members stay in their order. */
export function json(text: string): string {
  const shown = visible(text);
  return RIGHT_TO_LEFT.test(shown) ? shown.replace(STRINGS, isolated) : shown;
}

function isolated(text: string): string {
  return RIGHT_TO_LEFT.test(text) ? AUTO + text + END : text;
}

function partsInOrder(text: string): string {
  return RIGHT_TO_LEFT.test(text) ? LEFT_TO_RIGHT + text.split(':').map(isolated).join(':') + END : text;
}

/** The text without its markers. */
export function unmarked(text: string): string {
  return text.replaceAll(MARKERS, '');
}

/** A text with its direction; the outermost text has no direction. */
export interface Marked {
  readonly direction: 'auto' | 'ltr' | undefined;
  readonly parts: (string | Marked)[];
}

/** The texts that the markers isolate, in each other. */
export function marked(text: string): Marked {
  const root: Marked = { direction: undefined, parts: [] };
  const open = [root];
  for (const piece of text.split(/([\u2066\u2068\u2069])/)) {
    const { parts } = open.at(-1)!;
    if (piece === END) open.length = Math.max(1, open.length - 1);
    else if (piece === AUTO || piece === LEFT_TO_RIGHT) {
      const inner: Marked = { direction: piece === AUTO ? 'auto' : 'ltr', parts: [] };
      parts.push(inner);
      open.push(inner);
    } else if (piece !== '') parts.push(piece);
  }
  return root;
}
