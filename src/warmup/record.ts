/** What warm-up moves: one key with the exact JSON text of its value. Without `ttlMs` it lives as long as its type. */
export interface WarmupRecord {
  readonly key: string;
  readonly json: string;
  /** Whole milliseconds. */
  readonly ttlMs?: number;
}

/** A line that did not become a record. `fatal`: nothing after this line can be read. */
export interface Fault {
  /** Counted from 1. */
  readonly line: number;
  readonly reason: string;
  readonly fatal?: true;
}

/** What a source yields: a record and the line it came from, a fault, or a remark that costs nothing. */
export type Item =
  | { readonly record: WarmupRecord; readonly line: number }
  | { readonly fault: Fault }
  | { readonly note: string };

/**
 * Turns the lines of one file into items. `line` is called once for each line, in order, blank lines
 * included, and answers at most one item; `end` once, after the last. Neither throws.
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
