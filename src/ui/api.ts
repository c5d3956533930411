/** Requests to the service, with the token of the user. */

const TOKEN = 'ratecache-token';

/** The service refused a request, or did not answer it. */
export class Refused extends Error {
  /** 0 without an answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The token of this tab; empty without one. */
export function token(): string {
  return sessionStorage.getItem(TOKEN) ?? '';
}

export function setToken(value: string): void {
  if (value === '') sessionStorage.removeItem(TOKEN);
  else sessionStorage.setItem(TOKEN, value);
}

/** @throws Refused */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers({ Accept: 'application/json', ...(init.headers as Record<string, string>) });
  if (token() !== '') headers.set('Authorization', `Bearer ${token()}`);
  let answer: Response;
  try {
    answer = await fetch(path, { ...init, headers, cache: 'no-store', signal: AbortSignal.timeout(10_000) });
  } catch {
    throw new Refused(0, 'The service does not answer.');
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  const text = [problem.title, problem.detail].filter(Boolean).join(': ') || answer.statusText;
  throw new Refused(answer.status, text);
}

/** @throws Refused */
export async function get<T>(path: string): Promise<T> {
  return (await request(path)).json() as Promise<T>;
}

/** @throws Refused */
export function send(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<Response> {
  return request(path, {
    method,
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    }),
  });
}
