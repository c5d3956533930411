import { MAX_TTL_SECONDS, ttlMs } from '../cache/key-and-ttl.ts';
import { members } from '../codec/json-read.ts';
import { ServiceError } from '../errors.ts';
import { keyFault } from '../key.ts';
import { quote } from './quote.ts';
import { fault, type Item, type LineParser, type WarmupRecord } from './record.ts';

// Only the service knows its limit of key sizes. It rejects longer keys with a code.
const ANY_LENGTH = Number.POSITIVE_INFINITY;

/**
 * Parses newline-delimited JSON. Each line is an object `{"key": string, "value": any, "ttl"?: seconds}` with members
 * in any order. Blank lines are allowed. The TTL is rounded to whole milliseconds, as in the service. The JSON of the
 * record is the exact text of the value, so numbers keep all their digits.
 *
 * Faults, each with its line: text that is not a JSON object, a missing `key` or `value`, an invalid key or ttl, and a
 * repeated or unknown member. Without the last rule a misspelt `ttl` would be ignored silently.
 */
export class NdjsonParser implements LineParser {
  readonly latin1 = false;

  line(text: string, number: number): readonly Item[] {
    if (text.trim() === '') return [];
    const record = readLine(text);
    return [typeof record === 'string' ? fault(number, record) : { record, line: number }];
  }

  end(): readonly Item[] {
    return [];
  }
}

/** Parses a line, or returns the reason of a fault. */
function readLine(text: string): WarmupRecord | string {
  const problem = jsonProblem(text);
  if (problem !== undefined) return problem;
  const parts = new Map<string, string>();
  for (const [name, start, end] of members(text, 0)) {
    if (name !== 'key' && name !== 'value' && name !== 'ttl') return `unknown member ${quote(name)}`;
    if (parts.has(name)) return `the member "${name}" is repeated`;
    parts.set(name, text.slice(start, end));
  }
  const keyText = parts.get('key');
  const json = parts.get('value');
  if (keyText === undefined) return 'the member "key" is missing';
  if (json === undefined) return 'the member "value" is missing';
  const key: unknown = JSON.parse(keyText);
  if (typeof key !== 'string') return 'the key is not a string';
  const keyProblem = keyFault(key, ANY_LENGTH);
  if (keyProblem !== undefined) return `the key ${keyProblem}`;
  const ttlText = parts.get('ttl');
  if (ttlText === undefined) return { key, json };
  try {
    return { key, json, ttlMs: ttlMs(JSON.parse(ttlText), 'ttl') };
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return `ttl is ${quote(ttlText)}, expected a number of seconds from 0.001 to ${MAX_TTL_SECONDS}`;
  }
}

function jsonProblem(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return undefined;
    return 'the line is not a JSON object';
  } catch {
    return `the line is not JSON: ${quote(text)}`;
  }
}
