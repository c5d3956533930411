/** One key with the exact JSON text of its value. Without `ttlMs` it has the TTL of its type. */
export interface WarmupRecord {
  readonly key: string;
  readonly json: string;
  /** Whole milliseconds. */
  readonly ttlMs?: number;
  /** When the data is from, in ms since 1970. A record with it never replaces a value with newer data. */
  readonly asOf?: number;
  /** Who supplied the data. */
  readonly source?: string;
}

/** A line that is not a valid record. `fatal` means that the rest of the file cannot be read. */
export interface Fault {
  /** Starts at 1. */
  readonly line: number;
  readonly reason: string;
  readonly fatal?: true;
}

/** An item of a source: a record with its line, a fault, or a note, which does not count as an error. */
export type Item =
  | { readonly record: WarmupRecord; readonly line: number }
  | { readonly fault: Fault }
  | { readonly note: string };

/**
 * Parses the lines of one file into items.
 * 1. `line` is called once for each line in order, including blank lines. It returns at most one item.
 * 2. `end` is called once, after the last line.
 * 3. Neither throws.
 */
export interface LineParser {
  line(text: string, number: number): Item | undefined;
  end(): Item[];
}

export function fault(line: number, reason: string): Item {
  return { fault: { line, reason } };
}

export function fatalFault(line: number, reason: string): Item {
  return { fault: { line, reason, fatal: true } };
}
