import Negotiator from 'negotiator';
import type { Encoding } from '../cache/entry.ts';
import { ServiceError } from '../errors.ts';
import type { HttpRequest } from '../uws.ts';
import { JSON_TYPE, MSGPACK_TYPE } from './exchange.ts';

// A Map: a plain object also finds `constructor`, which a client may send.
const ENCODING_OF: ReadonlyMap<string, Encoding> = new Map([
  [JSON_TYPE, 'json'],
  [MSGPACK_TYPE, 'msgpack'],
  ['application/msgpack', 'msgpack'],
  ['application/x-msgpack', 'msgpack'],
]);
const OFFERED = [...ENCODING_OF.keys()];

const JSON_FIRST: readonly Encoding[] = ['json', 'msgpack'];

// Clients send few distinct values; a stranger who sends many only costs the parsing.
const REMEMBERED = 256;
const remembered = new Map<string, readonly Encoding[]>();

/** A parameter other than `q`, such as `charset`. Neither media type has one that would change what is sent. */
const PARAMETER = /;(?!\s*q\s*=)[^;,"]*(?:"[^"]*")?[^;,"]*/gi;

/**
 * The `Accept` header of a request. Several lines are one list. Where the first line takes an encoding, the others are
 * not read: that would cost every hit.
 */
export function acceptOf(req: HttpRequest): string {
  const first = req.getHeader('accept');
  if (acceptedEncodings(first).length > 0) return first;
  const lines: string[] = [];
  req.forEach((name, value) => {
    if (name === 'accept') lines.push(value);
  });
  return lines.join(',');
}

/** The encodings that an `Accept` header takes, the one it likes best first; JSON first where it is equal. */
export function acceptedEncodings(accept: string): readonly Encoding[] {
  if (accept === '' || accept === '*/*') return JSON_FIRST;
  const known = remembered.get(accept);
  if (known !== undefined) return known;
  const types = new Negotiator({ headers: { accept: accept.replace(PARAMETER, '') } }).mediaTypes(OFFERED);
  const encodings = [...new Set(types.map((type) => ENCODING_OF.get(type)!))];
  if (remembered.size < REMEMBERED) remembered.set(accept, encodings);
  return encodings;
}

/** The first acceptable encoding. @throws ServiceError `not_acceptable` if there is none */
export function preferredEncoding(accept: string): Encoding {
  const encoding = acceptedEncodings(accept)[0];
  if (encoding === undefined)
    throw new ServiceError('not_acceptable', `this is sent as ${JSON_TYPE} or ${MSGPACK_TYPE}`, 'Accept');
  return encoding;
}

export function mediaTypeOf(encoding: Encoding): string {
  return encoding === 'json' ? JSON_TYPE : MSGPACK_TYPE;
}

/**
 * How to read a body of this `Content-Type`; JSON where there is none.
 * @throws ServiceError `media_type_unsupported`
 */
export function bodyEncoding(contentType: string): Encoding {
  if (contentType === '' || contentType === JSON_TYPE) return 'json';
  const mediaType = contentType.split(';', 1)[0]!.trim().toLowerCase();
  const encoding = ENCODING_OF.get(mediaType);
  if (encoding !== undefined) return encoding;
  throw new ServiceError(
    'media_type_unsupported',
    `a body is ${JSON_TYPE} or ${MSGPACK_TYPE}`,
    'Content-Type',
  );
}
