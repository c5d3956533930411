import assert from 'node:assert/strict';
import type { RawResponse } from '../../loadtest/support/raw-http.ts';
import { ERRORS, type ErrorCode } from '../../src/errors.ts';

/** Asserts that the answer is problem+json for this code, about this field, and returns its detail. */
export async function assertProblem(response: Response, code: ErrorCode, field?: string): Promise<string> {
  const headers = Object.fromEntries(response.headers);
  return check(response.status, headers, await response.text(), code, field);
}

/** `assertProblem` for an answer that came over a bare connection. */
export function assertRawProblem(response: RawResponse, code: ErrorCode, field?: string): string {
  return check(response.status, response.headers, response.body.toString(), code, field);
}

function check(
  status: number,
  headers: Record<string, string>,
  text: string,
  code: ErrorCode,
  field: string | undefined,
): string {
  const [expected, title] = ERRORS[code];
  assert.equal(status, expected, text);
  assert.equal(headers['content-type'], 'application/problem+json');
  assert.equal(headers['cache-control'], 'no-store');
  const { detail, ...rest } = JSON.parse(text);
  const about = field === undefined ? {} : { field };
  assert.deepEqual(rest, { type: 'about:blank', title, status: expected, code, ...about });
  assert.equal(typeof detail, 'string');
  assert.notEqual(detail, '');
  return detail;
}
