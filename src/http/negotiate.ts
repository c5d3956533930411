import Negotiator from 'negotiator';
import type { Encoding } from '../cache/entry.ts';
import { ServiceError } from '../errors.ts';
import { type HttpRequest, listOf } from '../uws.ts';
import { JSON_TYPE, MSGPACK_TYPE } from './exchange.ts';
import { ACCEPT } from './framing.ts';

// A Map, because a lookup in a plain object would also find `constructor`, which a client may send.
const ENCODING_OF: ReadonlyMap<string, Encoding> = new Map([
  [JSON_TYPE, 'json'],
  [MSGPACK_TYPE, 'msgpack'],
  ['application/msgpack', 'msgpack'],
  ['application/x-msgpack', 'msgpack'],
]);
const OFFERED = [...ENCODING_OF.keys()];

const JSON_FIRST: readonly Encoding[] = ['json', 'msgpack'];

// Clients send few distinct Accept values. Beyond this limit a new value is parsed each time.
const MAX_PARSED_VALUES = 256;
const parsedValues = new Map<string, readonly Encoding[]>();

/** A parameter other than `q`, such as `charset`. No parameter of these media types changes the answer. */
const PARAMETER = /;(?!\s*q\s*=)[^;,"]*(?:"[^"]*")?[^;,"]*/gi;

/**
 * The `Accept` header of a request; repeated lines form one list. If the first line accepts an encoding, the others
 * are not read, because to read them would make every hit slower.
 */
export function acceptOf(req: HttpRequest): string {
  const first = req.getHeader(ACCEPT);
  if (acceptedEncodings(first).length > 0) return first;
  return listOf(req, 'accept');
}

/** The encodings that an `Accept` header accepts, the most preferred first. JSON comes first at equal preference. */
export function acceptedEncodings(accept: string): readonly Encoding[] {
  if (accept === '' || accept === '*/*') return JSON_FIRST;
  const known = parsedValues.get(accept);
  if (known !== undefined) return known;
  const types = new Negotiator({ headers: { accept: accept.replace(PARAMETER, '') } }).mediaTypes(OFFERED);
  const encodings = [...new Set(types.map((type) => ENCODING_OF.get(type)!))];
  if (parsedValues.size < MAX_PARSED_VALUES) parsedValues.set(accept, encodings);
  return encodings;
}

/** The most preferred encoding. @throws ServiceError `not_acceptable` if the client accepts neither encoding */
export function preferredEncoding(accept: string): Encoding {
  const encoding = acceptedEncodings(accept)[0];
  if (encoding === undefined)
    throw new ServiceError('not_acceptable', `accept ${JSON_TYPE} or ${MSGPACK_TYPE}`, 'Accept');
  return encoding;
}

export function mediaTypeOf(encoding: Encoding): string {
  return encoding === 'json' ? JSON_TYPE : MSGPACK_TYPE;
}

/**
 * The encoding of a body with this `Content-Type`. The header is required: without it, a web page of another origin
 * could send the body without asking first.
 * @throws ServiceError `media_type_unsupported`
 */
export function bodyEncoding(contentType: string): Encoding {
  if (contentType === JSON_TYPE) return 'json';
  const mediaType = contentType.split(';', 1)[0]!.trim().toLowerCase();
  const encoding = ENCODING_OF.get(mediaType);
  if (encoding !== undefined) return encoding;
  throw new ServiceError(
    'media_type_unsupported',
    `send the body as ${JSON_TYPE} or ${MSGPACK_TYPE}`,
    'Content-Type',
  );
}

const METRICS_TEXT = 'text/plain; version=0.0.4';
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0';
/** Parameters that change nothing: the names of all metrics are ASCII. */
const WITHOUT_EFFECT = /;\s*(escaping|charset)=[\w-]+/gi;

/** The format of metrics that the client prefers. A client that accepts neither receives text. */
export function metricsFormat(accept: string): 'text' | 'openmetrics' {
  const negotiator = new Negotiator({ headers: { accept: accept.replace(WITHOUT_EFFECT, '') } });
  return negotiator.mediaType([METRICS_TEXT, OPEN_METRICS]) === OPEN_METRICS ? 'openmetrics' : 'text';
}
