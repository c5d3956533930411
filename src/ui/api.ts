/** Requests to the service, with the token of the user. */
import { sentence } from './bidi.ts';
import { token } from './token.ts';

/** The service refused a request, or did not answer it. */
export class Refused extends Error {
  /** 0 without an answer. */
  readonly status: number;
  /** The code of the problem; empty if the answer is not from ratecache. */
  readonly code: string;

  constructor(status: number, message: string, code = '') {
    super(message);
    this.status = status;
    this.code = code;
  }

  /** Whether another token may help. */
  get isOfToken(): boolean {
    return this.code === 'unauthenticated' || this.code === 'forbidden';
  }
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
  const { words, code } = problemOf(text);
  throw new Refused(
    answer.status,
    words || answer.statusText || `The answer has the status ${answer.status}.`,
    code,
  );
}

/** The problem in words, and its code. Both are empty for an answer of another program, such as a proxy. */
function problemOf(text: string): { readonly words: string; readonly code: string } {
  try {
    const { title, detail, code } = JSON.parse(text);
    return { words: sentence([title, detail].filter(Boolean).join(': ')), code: String(code ?? '') };
  } catch {
    return { words: '', code: '' };
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
