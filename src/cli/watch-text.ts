/** The output of `ratecache watch`. */
import { printable, shortened } from './printable.ts';
import { styled } from './style.ts';

/** A change as it is printed. */
export interface Noted {
  /** When it arrived. */
  readonly time: Date;
  readonly key: string;
  /** As in `docs/websocket.md`; `missed` for a change while the connection was down. */
  readonly reason: string;
  /** Undefined if the key has no value any more. */
  readonly version?: string;
  /** Milliseconds from the write to the arrival; undefined for the value of another program. */
  readonly age?: number | undefined;
  /** Earlier states that were not sent. */
  readonly merged: number;
  /** The values as JSON, undefined if the key had or has none. */
  readonly old: string | undefined;
  readonly value: string | undefined;
}

const NARROWEST = 40;

/** One line. */
export function notedJson({ time, old, value, ...rest }: Noted): string {
  const head = JSON.stringify({ time: time.toISOString(), ...rest }).slice(0, -1);
  const members = [head, old !== undefined && `"old":${old}`, value !== undefined && `"new":${value}`];
  return `${members.filter((member) => member !== false).join(',')}}`;
}

/** Two lines: what happened to the key, then its old and new value. Each fits the terminal. */
export function notedText({ time, key, reason, version, age, merged, old, value }: Noted): string {
  const columns = Math.max(NARROWEST, process.stdout.columns ?? 80);
  const facts = [
    reason,
    age === undefined ? undefined : `${Math.round(age)} ms old`,
    merged > 0 ? `${merged} merged` : undefined,
    version,
  ].filter((fact) => fact !== undefined);
  const clock = time.toTimeString().slice(0, 8) + time.toISOString().slice(19, 23);
  const rest = facts.join('  ');
  const name = shortened(printable(key), Math.max(8, columns - clock.length - rest.length - 4));
  const head = `${styled('dim', clock)}  ${styled('bold', name)}  ${rest}`;
  const indent = ' '.repeat(clock.length + 2);
  const room = columns - indent.length - 3;
  // A short value leaves its room to the other one.
  const [before, after] = [old, value].map((text) =>
    text === undefined ? '(no value)' : printable(text),
  ) as [string, string];
  const half = Math.floor(room / 2);
  const first = shortened(before, Math.max(half, room - after.length));
  const second = shortened(after, room - first.length);
  return `${head}\n${indent}${styled('red', first)} → ${styled('green', second)}`;
}
