/** What a row of a sheet is about. Two rows of one key must have the same contract in the same currency. */
export interface Listing {
  /** Which sheet has the row: the `--sheet` of the load. */
  readonly sheet: string;
  readonly contract: string | null;
  readonly currency: string | null;
}

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
  /** Set where the data is older than `--max-age` and was loaded with `--stale`. */
  readonly suspect?: true;
  /** Set for rows of a sheet. */
  readonly listing?: Listing;
}

/** A line that is not a valid record. `fatal` means that the rest of the file cannot be read. */
export interface Fault {
  /** Starts at 1. */
  readonly line: number;
  readonly reason: string;
  readonly fatal?: true;
}

/** A row that contradicts another row of its key. It is not written. */
export interface Conflict {
  readonly line: number;
  readonly key: string;
  readonly reason: string;
}

/**
 * An item of a source: a record with its line, a fault, a conflict, or a note, which does not count as an error.
 * `incomplete` is the reason why the file may lack rows, so that nothing may be deleted because the file lacks it.
 */
export type Item =
  | { readonly record: WarmupRecord; readonly line: number }
  | { readonly fault: Fault }
  | { readonly conflict: Conflict }
  | { readonly incomplete: string }
  | { readonly note: string };

/**
 * Parses the lines of one file into items.
 * 1. `line` is called once for each line in order, including blank lines.
 * 2. `end` is called once, after the last line.
 * 3. Neither throws.
 */
export interface LineParser {
  /** Whether lines that are not UTF-8 are read as Latin-1. Otherwise such lines are faults. */
  readonly latin1: boolean;
  line(text: string, number: number): readonly Item[];
  end(): readonly Item[];
}

export function fault(line: number, reason: string): Item {
  return { fault: { line, reason } };
}

export function fatalFault(line: number, reason: string): Item {
  return { fault: { line, reason, fatal: true } };
}
