/** JSON without loss: numbers that JavaScript would change keep their text. No function here needs a browser. */

/** A number as it was written, such as `1.0`, `-0` or an integer beyond 2^53. */
export class ExactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

interface Context {
  readonly source?: string;
}

/** Older browsers do not report the source of a number; they show it rounded. */
export function parse(text: string): unknown {
  const revive = (_name: string, value: unknown, context?: Context) => {
    const source = context?.source;
    return typeof value === 'number' && source !== undefined && String(value) !== source
      ? new ExactNumber(source)
      : value;
  };
  return JSON.parse(text, revive as (name: string, value: unknown) => unknown);
}

/** The JSON text of a parsed value. */
export function textOf(value: unknown): string {
  if (value instanceof ExactNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${textOf(each)}`);
  return `{${members.join(', ')}}`;
}

/** At most `most` characters. */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
