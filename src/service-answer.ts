/** How a running service is asked, and what its answer, or the lack of one, is to people. */

/** Where a service has a path, however its URL ends. */
export function endpoint(url: string, path: string): string {
  let end = url.length;
  // A loop, since /\/+$/ takes quadratic time on slashes that are not at the end.
  while (end > 0 && url[end - 1] === '/') end--;
  return `${url.slice(0, end)}${path}`;
}

/** A member of something that came as JSON; undefined where there is none. */
export function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** What JSON says; undefined where it is none. */
export function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Of a problem+json: ` key_invalid: the key is empty`, or as much of it as there is. */
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
  ['EAI_AGAIN', 'the host name could not be looked up'],
  ['ERR_INVALID_URL', 'that is no URL'],
  ['EHOSTUNREACH', 'no route to the host'],
  ['ETIMEDOUT', 'the connection timed out'],
  ['UND_ERR_CONNECT_TIMEOUT', 'the connection timed out'],
  ['UND_ERR_SOCKET', 'the connection was closed'],
]);

/** Why there is no answer. @param timeout what ends the question after so many milliseconds */
export function unansweredText(url: string, timeoutMs: number, timeout: AbortSignal, error: unknown): string {
  if (timeout.aborted) return `${url} did not answer within ${timeoutMs} ms`;
  return `cannot reach ${url}: ${networkReason(error)}`;
}

/** Why nobody could be asked. fetch says only "fetch failed"; what happened is in its cause. */
function networkReason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = property(cause, 'code');
  if (typeof code === 'string') return NETWORK_REASONS.get(code) ?? code;
  return cause instanceof Error ? cause.message : String(cause);
}
