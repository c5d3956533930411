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

/** The JSON text of a parsed value, at most so many characters of it. The time it takes depends on these only. */
export function textOf(value: unknown, most = Number.POSITIVE_INFINITY): string {
  let text = '';
  for (const part of partsOf(value, most)) {
    text += part;
    if (text.length > most) return `${text.slice(0, most - 1)}…`;
  }
  return text;
}

function* partsOf(value: unknown, most: number): Generator<string> {
  if (value instanceof ExactNumber) yield value.text;
  else if (typeof value === 'string') yield JSON.stringify(value.slice(0, most));
  else if (typeof value !== 'object' || value === null) yield JSON.stringify(value);
  else if (Array.isArray(value)) {
    yield '[';
    for (const [i, item] of value.entries()) {
      if (i > 0) yield ', ';
      yield* partsOf(item, most);
    }
    yield ']';
  } else {
    yield '{';
    let separator = '';
    for (const [name, member] of Object.entries(value)) {
      yield `${separator}${JSON.stringify(name.slice(0, most))}: `;
      separator = ', ';
      yield* partsOf(member, most);
    }
    yield '}';
  }
}
