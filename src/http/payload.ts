import { isAscii } from 'node:buffer';
import * as v from 'valibot';
import type { Encoding } from '../cache/entry.ts';
import { atOnce } from '../cache/turns.ts';
import { checkMembers } from '../cache/unknown-names.ts';
import { Malformed } from '../codec/errors.ts';
import { readJsonRequest } from '../codec/json-request.ts';
import { unpackRequest } from '../codec/unpack-request.ts';
import { ServiceError } from '../errors.ts';
import { checkLargeJson, parseJson } from './value.ts';

/**
 * A decoded request body together with its source text or bytes. The bytes are valid only during the callback. A member
 * named `value` has the position of its text or bytes, if the request has values.
 */
export type DecodedBody =
  | { readonly encoding: 'json'; readonly data: unknown; readonly text: string }
  | { readonly encoding: 'msgpack'; readonly data: unknown; readonly bytes: Buffer };

/** What a body may contain. */
export interface BodyForm {
  /** Whether its members named `value` are values, which are not built. */
  readonly hasValues: boolean;
  /** The most members and elements outside of values. */
  readonly maxItems: number;
}

/** Decodes a body of at most `ONE_TURN_BYTES`. @throws ServiceError `body_invalid` */
export function decodeBody(encoding: Encoding, bytes: Buffer, form: BodyForm): DecodedBody {
  if (encoding === 'msgpack') return decodeMsgpack(bytes, form);
  const { text, json } = parseJson(bytes, 'body_invalid');
  if (!form.hasValues) return { encoding, data: json, text };
  return atOnce(readJson(text, form));
}

/** As `decodeBody`, for a large body: it yields between slices. @throws ServiceError `body_invalid` */
export function* decodeLargeBody(
  encoding: Encoding,
  bytes: Buffer,
  form: BodyForm,
): Generator<void, DecodedBody> {
  if (encoding === 'msgpack') return decodeMsgpack(bytes, form);
  yield* checkLargeJson(bytes, 'body_invalid');
  return yield* readJson(isAscii(bytes) ? bytes.toString('latin1') : bytes.toString(), form);
}

function* readJson(text: string, { maxItems }: BodyForm): Generator<void, DecodedBody> {
  try {
    return { encoding: 'json', data: yield* readJsonRequest(text, maxItems), text };
  } catch (error) {
    throw invalid(error, 'the body is not a request');
  }
}

function decodeMsgpack(bytes: Buffer, { maxItems }: BodyForm): DecodedBody {
  try {
    return { encoding: 'msgpack', data: unpackRequest(bytes, maxItems), bytes };
  } catch (error) {
    throw invalid(error, 'the body is not msgpack');
  }
}

function invalid(error: unknown, what: string): unknown {
  if (!(error instanceof Malformed)) return error;
  return new ServiceError('body_invalid', `${what}: ${error.message}`, 'body');
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
