/** Finds the lines of faults in a JSON file, for messages. The messages of `JSON.parse` quote the file, so nobody may log them. */
import { elements, member, skipSpace } from '../codec/json-read.ts';

export type Path = readonly (string | number)[];

/** The line, from 1, of the value at `path`, or of the nearest value around it. The text must have passed `JSON.parse`. */
export function lineOf(text: string, path: Path): number {
  let start = 0;
  for (const step of path) {
    const found = typeof step === 'string' ? memberAt(text, start, step) : elementAt(text, start, step);
    if (found === undefined) break;
    start = found;
  }
  return lineAt(text, start);
}

/**
 * The line, from 1, where `JSON.parse` fails. A text that is cut off before this line fails at its end, and a text that
 * is cut off later fails as the whole text does. So the line is found by bisection.
 */
export function lineOfSyntaxError(text: string): number {
  // With their line breaks.
  const lines = text.split(/(?<=\n)/);
  let [low, high] = [1, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (failsBeforeEnd(lines.slice(0, middle).join(''))) high = middle;
    else low = middle + 1;
  }
  return low;
}

function failsBeforeEnd(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    const { message } = error as SyntaxError;
    const position = /at position (\d+)/.exec(message);
    if (position === null) return !message.startsWith('Unexpected end of JSON input');
    return !message.startsWith('Unterminated') && Number(position[1]) < text.length;
  }
}

/** An array in the place of an object lacks the member too. */
function memberAt(text: string, start: number, name: string): number | undefined {
  return text[skipSpace(text, start)] === '{' ? member(text, start, name)?.[0] : undefined;
}

function elementAt(text: string, start: number, index: number): number | undefined {
  let at = 0;
  for (const [from] of elements(text, start)) if (at++ === index) return from;
  return undefined;
}

function lineAt(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}
