/**
 * The output of `redis-cli MONITOR`, one command per line: `1339518083.107412 [0 127.0.0.1:60866] "get"
 * "borrow_rate:A"`. Commands of a script have the address `lua`. They are read, so the script itself is skipped.
 */
import type { Operation } from './operation.ts';

const LINE = /^(\d+\.\d+) \[\d+ [^\]]*\] (".*")$/;
// Sticky, so that an argument without an end is not searched again from each of its escaped quotes.
const ARGUMENT = / *"((?:[^"\\]|\\.)*)"/gy;

/** The operation, or why the line is not one. Removes `prefix` from the keys that have it. */
export function monitorLine(line: string, prefix: string): Operation | string {
  const [, seconds, rest] = LINE.exec(line) ?? [];
  if (seconds === undefined || rest === undefined) return 'not a command';
  const [name = '', ...args] = [...rest.matchAll(ARGUMENT)].map(([, text]) => unescaped(text!));
  const atMs = Number(seconds) * 1_000;
  const operation = operationOf(name.toLowerCase(), args);
  if (operation === undefined) return 'command without a replay';
  const keys = operation.keys.map((key) => (key.startsWith(prefix) ? key.slice(prefix.length) : key));
  return keys.some((key) => key === '') || keys.length === 0 ? 'no key' : { ...operation, atMs, keys };
}

function operationOf(name: string, args: readonly string[]): Omit<Operation, 'atMs'> | undefined {
  const [first] = args;
  if (first === undefined) return undefined;
  // Read as latin1, each character is one byte.
  const set = (value: string | undefined): Omit<Operation, 'atMs'> => ({
    op: 'set',
    keys: [first],
    ...(value === undefined ? {} : { bytes: value.length }),
  });
  switch (name) {
    case 'get':
    case 'getex':
      return { op: 'get', keys: [first] };
    case 'mget':
      return { op: 'mget', keys: args };
    case 'set':
      return set(args[1]);
    case 'setex':
    case 'psetex':
      return set(args[2]);
    case 'del':
    case 'unlink':
      return { op: 'delete', keys: [first] };
    default:
      return undefined;
  }
}

const ESCAPED: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['a', '\u0007'],
  ['b', '\b'],
]);

function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|(.))/gi, (_, hex: string | undefined, other: string) =>
    hex === undefined ? (ESCAPED.get(other) ?? other) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
