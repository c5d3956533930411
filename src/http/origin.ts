/** The origin of a value in requests and answers: `Last-Modified`, `?asOf=` and `?source=`. */
import type { Entry } from '../cache/entry.ts';
import { checkOrigin, isInstant, type Origin, originFault } from '../cache/origin.ts';
import type { HttpRequest } from '../uws.ts';
import type { Headers } from './exchange.ts';

const ISO = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * The origin that a `PUT` names.
 * @param now in ms since 1970
 * @throws ServiceError `origin_invalid`
 */
export function originOfPut(
  req: Pick<HttpRequest, 'getHeader'>,
  parameters: ReadonlyMap<string, string>,
  now: number,
): Origin | undefined {
  const text = parameters.get('asOf');
  const header = req.getHeader('last-modified');
  const asOf = text === undefined ? undefined : instantOf(text);
  const modified = header === '' ? undefined : httpDateOf(header);
  if (header !== '' && modified === undefined)
    throw originFault('Last-Modified', 'send an HTTP date such as Wed, 27 Sep 2017 12:20:00 GMT');
  if (asOf !== undefined && modified !== undefined && Math.floor(asOf / 1000) * 1000 !== modified)
    throw originFault('asOf', 'asOf and Last-Modified name different seconds; send one of them');
  const suspect = parameters.get('suspect');
  if (suspect !== undefined && suspect !== 'true') throw originFault('suspect', 'expected suspect=true');
  return checkOrigin(asOf ?? modified, parameters.get('source'), now, suspect && true);
}

/** Converts ISO 8601 with a time zone to ms. @throws ServiceError `origin_invalid` */
function instantOf(text: string): number {
  const day = ISO.exec(text)?.[1];
  const ms = day === undefined ? Number.NaN : Date.parse(text);
  // Date.parse takes February 30 as March 1 or 2.
  if (!isInstant(ms) || new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) !== day)
    throw originFault('asOf', 'send a time such as 2017-09-27T12:20:00.250Z; encode + as %2B');
  return ms;
}

/** Converts an HTTP date, in the form that RFC 9110 requires of senders, to ms; undefined for any other text. */
export function httpDateOf(text: string): number | undefined {
  const ms = Date.parse(text);
  return isInstant(ms) && new Date(ms).toUTCString() === text ? ms : undefined;
}

/** The header lines about the origin of an entry. */
export function originHeaders({ origin }: Entry): Headers {
  if (origin === undefined) return [];
  const { asOf, source } = origin;
  const modified = asOf === undefined ? [] : ([['Last-Modified', new Date(asOf).toUTCString()]] as const);
  return source === undefined ? modified : [...modified, ['Ratecache-Source', source]];
}
