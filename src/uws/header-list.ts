import type { HttpRequest } from 'uWebSockets.js';

/** A header with a list: repeated lines form one list. Empty if no line is present. */
export function listOf(req: Pick<HttpRequest, 'forEach'>, header: string): string {
  const lines: string[] = [];
  req.forEach((name, value) => {
    if (name === header) lines.push(value);
  });
  return lines.join();
}
