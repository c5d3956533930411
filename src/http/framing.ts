/**
 * Decides by the header lines of a request where the request ends. The parsers of both addons believe lines that other
 * parsers reject or read differently. A proxy in front would then see one request where uWS sees two.
 */
import { ServiceError } from '../errors.ts';
import type { HttpRequest } from '../uws.ts';

/**
 * `last`: uWS may see another end than the sender, or the sender ends the connection. So nothing after it is executed.
 */
export type Framing = 'certain' | 'last';

/** Whether requests of a route have a body. Where one is usual, a line that the addon hides may announce it. */
export type ExpectedBody = 'none' | 'usual' | 'required';

/** What the checks read of a request. */
export type HeaderLines = Pick<HttpRequest, 'forEach'>;

const LENGTH = /^\d{1,15}$/;
/** RFC 3986: a name or an IPv4 address, or an IPv6 address in brackets; then perhaps a port. */
const HOST_VALUE = /^(?:(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*|\[[\da-f:.]+\])(?::\d*)?$/i;
/** Clients send the same few values, so most comparisons end here. */
let lastHost = '';
const CLOSE = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i;

// Bytes as names of header lines, because uWS converts a string at each call: 350 instead of 850 instructions.
export const ACCEPT = bytes('accept');
export const IF_NONE_MATCH = bytes('if-none-match');
const CONNECTION = bytes('connection');
export const CACHE_CONTROL = bytes('cache-control');
export const HOST = bytes('host');
export const CONTENT_LENGTH = bytes('content-length');
export const CONTENT_TYPE = bytes('content-type');
const TRANSFER_ENCODING = bytes('transfer-encoding');

/**
 * Whether a read announces no body and does not end the connection, by a look at three lines only. The hit path pays for
 * this check only, which takes an empty line for an absent one.
 */
export function isPlainRead(req: Pick<HttpRequest, 'getHeader'>): boolean {
  if (req.getHeader(CONTENT_LENGTH) !== '' || req.getHeader(TRANSFER_ENCODING) !== '') return false;
  const connection = req.getHeader(CONNECTION);
  return connection === '' || connection === 'keep-alive';
}

/**
 * The framing of a request, or why the request is refused. This uses `forEach`, because `getHeader` returns the same for an
 * absent and an empty line, and only the first of repeated lines.
 */
export function framingOf(req: HeaderLines, expected: ExpectedBody): Framing | ServiceError {
  let hosts = 0;
  let host = '';
  let lengths = 0;
  let length = '';
  let codings = 0;
  let coding = '';
  let closes = false;
  req.forEach((name, value) => {
    if (name === 'host') {
      hosts++;
      host = value;
    } else if (name === 'content-length') {
      lengths++;
      length = value;
    } else if (name === 'transfer-encoding') {
      codings++;
      coding = value;
    } else if (name === 'connection' && CLOSE.test(value)) closes = true;
  });
  if (hosts !== 1 || !isHost(host))
    return malformed('send one Host line with a host name or address', 'Host');
  if (codings > 0) {
    if (lengths > 0 || (codings === 1 && coding === ''))
      return malformed('send Content-Length or Transfer-Encoding: chunked, not both', 'Transfer-Encoding');
    if (codings > 1 || coding !== 'chunked')
      return new ServiceError(
        'transfer_coding_unsupported',
        'send Transfer-Encoding: chunked, or Content-Length',
        'Transfer-Encoding',
      );
    return 'last';
  }
  if (lengths > 0) {
    if (lengths > 1 || !LENGTH.test(length))
      return malformed('send one Content-Length line with a number of bytes', 'Content-Length');
    // Nobody needs the connection after a body that is missing. A line without a name may hide another length.
    return closes || (Number(length) === 0 && expected !== 'none') ? 'last' : 'certain';
  }
  if (expected === 'required') return malformed('send Content-Length with the body', 'Content-Length');
  return closes || expected !== 'none' ? 'last' : 'certain';
}

/** Whether the value of a `Host` line is a host name or an address, perhaps with a port. */
export function isHost(host: string): boolean {
  if (host === lastHost) return true;
  if (!HOST_VALUE.test(host)) return false;
  lastHost = host;
  return true;
}

export function malformed(detail: string, field: string): ServiceError {
  return new ServiceError('bad_request', detail, field);
}

function bytes(name: string): ArrayBuffer {
  return new TextEncoder().encode(name).buffer;
}
