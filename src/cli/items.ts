/** Reads the items of a batch answer. The text of each value stays as the service sent it. */

import type { Span } from '../codec/json-read.ts';
import { readJsonRequest } from '../codec/json-request.ts';
import { problemText } from '../service-answer.ts';
import { type Answer, callService, unexpected } from './call-service.ts';
import { EXIT_MISS, EXIT_UNKNOWN } from './exits.ts';
import type { ServiceOptions } from './flags.ts';
import { serviceToken } from './service-token.ts';

/** One key of a batch. */
export interface Item {
  readonly key: string;
  readonly status: 'hit' | 'miss' | 'deleted' | 'error';
  /** The value as JSON. */
  readonly value?: string;
  readonly version?: string;
  readonly ttl?: number;
  readonly code?: string;
  readonly detail?: string;
}

/** Keys of one request: the default of MAX_BATCH_KEYS is 1000. */
const BATCH_KEYS = 500;

/** Yields the items of all keys, in their order. @throws Failure if the service answers with an error */
export async function* itemsOf(
  path: '/v1/mget' | '/v1/mdelete',
  keys: readonly string[],
  { url, timeout: timeoutMs, tokenFile }: ServiceOptions,
): AsyncGenerator<Item, void> {
  const token = serviceToken(tokenFile);
  for (let i = 0; i < keys.length; i += BATCH_KEYS) {
    const body = { keys: keys.slice(i, i + BATCH_KEYS) };
    const answer = await callService(url, { path, body, timeoutMs, token });
    if (answer.status !== 200 || answer.body === undefined) throw unexpected(url, answer);
    yield* parsedItems(answer);
  }
}

type Raw = Omit<Item, 'value'> & { readonly value?: Span };

function parsedItems({ text }: Answer): Item[] {
  const reader = readJsonRequest(text, Number.POSITIVE_INFINITY);
  let step = reader.next();
  while (!step.done) step = reader.next();
  const { results } = step.value as { readonly results: readonly Raw[] };
  return results.map(({ value, ...item }) =>
    value === undefined ? item : { ...item, value: text.slice(...value) },
  );
}

/** One line of JSON, with the text of the value unchanged. */
export function itemJson({ value, ...item }: Item | (Record<string, unknown> & { value?: string })): string {
  const members = JSON.stringify(item);
  return value === undefined ? members : `${members.slice(0, -1)},"value":${oneLine(value)}}`;
}

/** White space between the parts of a value may contain line breaks; a string cannot. */
function oneLine(json: string): string {
  return json.replace(/[\r\n]+/g, ' ');
}

/** Describes a failed item: `key: code: detail`. */
export function faultText(item: Item): string {
  return `${item.key}:${problemText(item)}`;
}

/** The exit code of a read of several keys. A failed key outranks an uncertain one, which outranks a missing one. */
export function exitOf(items: readonly Pick<Item, 'status' | 'code'>[]): number {
  if (items.some(({ status }) => status === 'error')) return 1;
  const missing = items.filter(({ status }) => status === 'miss');
  if (missing.some(({ code }) => code !== undefined)) return EXIT_UNKNOWN;
  return missing.length > 0 ? EXIT_MISS : 0;
}
