import * as v from 'valibot';
import type { Encoding } from '../cache/entry.ts';
import { Malformed } from '../cache/value/errors.ts';
import { unpackRequest } from '../cache/value/unpack-request.ts';
import { ServiceError } from '../errors.ts';
import { parseJson } from './value.ts';

/** A request's body, decoded, with what it was decoded from. The bytes are valid only while it is handled. */
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

/** Holds a body against a schema. @throws ServiceError `body_invalid` with the field and what was expected */
export function checkShape<Schema extends v.GenericSchema>(
  schema: Schema,
  data: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, data, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new ServiceError('body_invalid', issue.message, fieldOf(issue.path));
}

/** `entries[3].key` */
function fieldOf(path: readonly { readonly key?: unknown }[] | undefined): string {
  let field = '';
  for (const { key } of path ?? [])
    field += typeof key === 'number' ? `[${key}]` : field === '' ? key : `.${key}`;
  return field === '' ? 'body' : field;
}
