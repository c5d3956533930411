import * as v from 'valibot';
import type { Encoding } from '../cache/entry.ts';
import { checkMembers } from '../cache/unknown-names.ts';
import { Malformed } from '../codec/errors.ts';
import { unpackRequest } from '../codec/unpack-request.ts';
import { ServiceError } from '../errors.ts';
import { parseJson } from './value.ts';

/** A decoded request body together with its source text or bytes. The bytes are valid only during the callback. */
export type DecodedBody =
  | { readonly encoding: 'json'; readonly data: unknown; readonly text: string }
  | { readonly encoding: 'msgpack'; readonly data: unknown; readonly bytes: Buffer };

/** @throws ServiceError `body_invalid` */
export function decodeBody(encoding: Encoding, bytes: Buffer): DecodedBody {
  if (encoding === 'json') {
    const { text, json } = parseJson(bytes, 'body_invalid');
    return { encoding, data: json, text };
  }
  try {
    return { encoding, data: unpackRequest(bytes), bytes };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new ServiceError('body_invalid', `the body is not msgpack: ${error.message}`, 'body');
  }
}

/** The shape of a body: its schema, and the names of its members. */
export interface Shape<Schema extends v.GenericSchema> {
  readonly schema: Schema;
  readonly members: ReadonlySet<string>;
}

export function shapeOf<Entries extends v.ObjectEntries>(
  entries: Entries,
): Shape<v.ObjectSchema<Entries, undefined>> {
  return { schema: v.object(entries), members: new Set(Object.keys(entries)) };
}

/**
 * Validates a body against its shape.
 * @throws ServiceError `body_invalid` with the field and the expectation, if the body is not an object, has an unknown
 *   member, or a member has the wrong type
 */
export function checkShape<Schema extends v.GenericSchema>(
  { schema, members }: Shape<Schema>,
  data: unknown,
): v.InferOutput<Schema> {
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    throw new ServiceError('body_invalid', 'expected an object as the body', 'body');
  checkMembers(data, members, 'body_invalid');
  const result = v.safeParse(schema, data, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new ServiceError('body_invalid', issue.message, fieldOf(issue.path));
}

/** Formats the path of a member, for example `entries[3].key`. */
function fieldOf(path: readonly { readonly key?: unknown }[] | undefined): string {
  let field = '';
  for (const { key } of path ?? [])
    field += typeof key === 'number' ? `[${key}]` : field === '' ? key : `.${key}`;
  return field === '' ? 'body' : field;
}
