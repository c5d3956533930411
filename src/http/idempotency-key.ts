import { checkIdempotencyKey } from '../cache/idempotency.ts';
import type { HttpRequest } from '../uws.ts';

const HEADER = 'Idempotency-Key';

/**
 * The header `Idempotency-Key`, if present. This uses `forEach`, because `getHeader` returns the same for an absent and an
 * empty header, and only one line of a repeated header.
 * @throws ServiceError `idempotency_key_invalid`
 */
export function idempotencyKeyOf(req: HttpRequest): string | undefined {
  const lines: string[] = [];
  req.forEach((name, value) => {
    if (name === 'idempotency-key') lines.push(value);
  });
  // A comma and a space join repeated lines, so that they are refused.
  return lines.length === 0 ? undefined : checkIdempotencyKey(lines.join(', '), HEADER);
}
