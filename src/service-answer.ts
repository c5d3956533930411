/** Helpers for clients of a running service: they build URLs, read answers, and explain failures to people. */

/** Appends a path to the URL of a service, which may end in slashes. */
export function endpoint(url: string, path: string): string {
  let end = url.length;
  // A loop, because /\/+$/ takes quadratic time on slashes that are not at the end.
  while (end > 0 && url[end - 1] === '/') end--;
  return `${url.slice(0, end)}${path}`;
}

/** A member of a parsed JSON value; undefined if the value has no such member. */
export function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** Parses JSON; undefined if the text is not JSON. */
export function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Formats a problem+json body as ` key_invalid: the key is empty`; members that are missing are left out. */
export function problemText(problem: unknown): string {
  const code = property(problem, 'code');
  const detail = property(problem, 'detail') ?? property(problem, 'title');
  const named = typeof code === 'string' ? ` ${code}` : '';
  return typeof detail === 'string' ? `${named}: ${detail}` : named;
}

const NETWORK_REASONS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'the connection was reset'],
  ['ENOTFOUND', 'no such host'],
  ['EAI_AGAIN', 'the host name could not be resolved'],
  ['ERR_INVALID_URL', 'the URL is invalid'],
  ['EHOSTUNREACH', 'no route to the host'],
  ['ETIMEDOUT', 'the connection timed out'],
  ['UND_ERR_CONNECT_TIMEOUT', 'the connection timed out'],
  ['UND_ERR_SOCKET', 'the connection was closed'],
  ['EPROTO', 'the TLS handshake failed; a service without TLS has a URL that begins with http:'],
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another host name'],
  ...[
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
  ].map((code): [string, string] => [
    code,
    'the authority of its certificate is unknown; set NODE_EXTRA_CA_CERTS to the file of the authority',
  ]),
]);

/** Explains why a request got no answer. @param timeout the signal that aborts the request after `timeoutMs` */
export function failureText(url: string, timeoutMs: number, timeout: AbortSignal, error: unknown): string {
  if (timeout.aborted) return `${url} did not answer within ${timeoutMs} ms`;
  return `cannot reach ${url}: ${networkReason(error)}${isClosedPlain(url, error) ? TLS_HINT : ''}`;
}

const TLS_HINT = '; a service with TLS has a URL that begins with https:';

/** Whether a plain HTTP connection was closed without an answer, as a service with TLS does. */
function isClosedPlain(url: string, error: unknown): boolean {
  const code = networkCode(error);
  return url.startsWith('http:') && (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET');
}

/** The reason of a network failure. The message of fetch is only "fetch failed"; the reason is in its cause. */
function networkReason(error: unknown): string {
  const code = networkCode(error);
  if (typeof code === 'string') return NETWORK_REASONS.get(code) ?? code;
  const cause = causeOf(error);
  return cause instanceof Error ? cause.message : String(cause);
}

function networkCode(error: unknown): unknown {
  return property(causeOf(error), 'code');
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? error.cause : error;
}
