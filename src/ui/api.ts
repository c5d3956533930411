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

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** @throws Refused */
export async function request(path: string, init: RequestInit = {}): Promise<Answer> {
  const headers = new Headers({ Accept: 'application/json', ...(init.headers as Record<string, string>) });
  if (token() !== '') headers.set('Authorization', `Bearer ${token()}`);
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(path, { ...init, headers, cache: 'no-store', signal: AbortSignal.timeout(10_000) });
    text = await answer.text();
  } catch {
    throw new Refused(0, 'The service does not answer.');
  }
  if (answer.ok) return { status: answer.status, text };
  throw new Refused(answer.status, problemOf(text) || answer.statusText);
}

/** The problem in words; empty for an answer of another program, such as a proxy. */
function problemOf(text: string): string {
  try {
    const { title, detail } = JSON.parse(text);
    return [title, detail].filter(Boolean).join(': ');
  } catch {
    return '';
  }
}

/** @throws Refused */
export async function get<T>(path: string): Promise<T> {
  return dataOf(await request(path));
}

/** @throws Refused */
export function dataOf<T>({ status, text }: Answer): T {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused(status, 'The answer is not from ratecache: it is not JSON.');
  }
}

/** @throws Refused */
export function send(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<Answer> {
  return request(path, {
    method,
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    }),
  });
}
