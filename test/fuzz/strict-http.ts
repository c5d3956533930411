/** A request as a strict parser sees it. */
export interface Seen {
  readonly method: string;
  readonly target: string;
}

const REQUEST_LINE = /^([!#$%&'*+.^_`|~\w-]+) ([!-~]+) HTTP\/1\.1$/;
const HEADER = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*$/;
const CHUNK = /^([0-9a-fA-F]{1,8})(?:[ \t]*;[\t -~\x80-\xff]*)?$/;

/**
 * The requests of a connection, by a parser that takes exactly what RFC 9112 defines for HTTP/1.1, and stops at the first
 * deviation. It is the oracle of request smuggling: nothing else in the bytes may take effect. Its readings are never
 * ambiguous, because it stops where two parsers could disagree.
 */
export function strictRequests(bytes: Buffer): Seen[] {
  const seen: Seen[] = [];
  let at = 0;
  for (;;) {
    while (bytes.toString('latin1', at, at + 2) === '\r\n') at += 2;
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end === -1) return seen;
    const [line = '', ...fields] = bytes.toString('latin1', at, end).split('\r\n');
    const [, method, target] = REQUEST_LINE.exec(line) ?? [];
    const headers = headersOf(fields);
    if (method === undefined || target === undefined || headers === undefined) return seen;
    if (!/^[\w.:[\]-]+$/.test(headers.get('host') ?? '')) return seen;
    seen.push({ method, target });
    const next = endOfBody(bytes, end + 4, headers);
    // After an upgrade the bytes are not HTTP; after `close` nothing counts. A server may ignore an upgrade, and the service
    // does except on this path (RFC 9110, section 7.8).
    const upgrades = headers.has('upgrade') && target.startsWith('/v1/ws');
    if (next === undefined || upgrades || /\bclose\b/i.test(headers.get('connection') ?? '')) return seen;
    at = next;
  }
}

/** Names in lower case; undefined if a line is not a header. Repeated lines are joined by a comma. */
function headersOf(lines: readonly string[]): Map<string, string> | undefined {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, field, value] = HEADER.exec(line) ?? [];
    if (field === undefined || value === undefined) return undefined;
    const name = field.toLowerCase();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}

/** The index after the body that begins at `start`; undefined if its length is invalid, ambiguous, or not reached. */
function endOfBody(bytes: Buffer, start: number, headers: ReadonlyMap<string, string>): number | undefined {
  const coding = headers.get('transfer-encoding');
  const length = headers.get('content-length');
  if (coding !== undefined)
    return length === undefined && coding.toLowerCase() === 'chunked' ? endOfChunks(bytes, start) : undefined;
  if (length === undefined) return start;
  const end = /^\d{1,15}$/.test(length) ? start + Number(length) : Number.POSITIVE_INFINITY;
  return end <= bytes.length ? end : undefined;
}

function endOfChunks(bytes: Buffer, start: number): number | undefined {
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = CHUNK.exec(lineEnd === -1 ? '' : bytes.toString('latin1', at, lineEnd))?.[1];
    if (size === undefined) return undefined;
    const dataEnd = lineEnd + 2 + Number.parseInt(size, 16);
    if (Number.parseInt(size, 16) === 0) return endOfTrailers(bytes, lineEnd + 2);
    if (bytes.toString('latin1', dataEnd, dataEnd + 2) !== '\r\n') return undefined;
    at = dataEnd + 2;
  }
}

function endOfTrailers(bytes: Buffer, start: number): number | undefined {
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    if (lineEnd === at) return at + 2;
    if (!HEADER.test(bytes.toString('latin1', at, lineEnd))) return undefined;
    at = lineEnd + 2;
  }
}
