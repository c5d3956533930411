import assert from 'node:assert/strict';
import { type BareItem, parseList, Token } from 'structured-headers';

export type CacheMember = { cache: string; [parameter: string]: string | number | boolean };

/** Our parameter in addition to those of RFC 9211, and its values. */
const COHERENCE = ['degraded', 'blind'];
const FORWARDS = ['bypass', 'method', 'uri-miss', 'vary-miss', 'miss', 'request', 'stale', 'partial'];

/** Parses `Cache-Status`, and asserts that it is what RFC 9211 allows. Tokens come as plain text. */
export function cacheStatus(header: string | null | undefined): CacheMember[] {
  assert.equal(typeof header, 'string', 'no Cache-Status header');
  const members = parseList(header!).map(([item, parameters]) => {
    assert.ok(item instanceof Token || typeof item === 'string', 'a member names a cache');
    const member: CacheMember = { cache: String(item) };
    for (const [name, value] of parameters) {
      checkParameter(name, value);
      member[name] = value instanceof Token ? String(value) : (value as string | number | boolean);
    }
    assert.ok(!('hit' in member && 'fwd' in member), 'hit and fwd exclude each other');
    assert.ok('hit' in member || 'fwd' in member, 'a member says what the cache did');
    return member;
  });
  assert.ok(members.length > 0);
  return members;
}

function checkParameter(name: string, value: BareItem): void {
  const valid: Record<string, () => boolean> = {
    hit: () => typeof value === 'boolean',
    fwd: () => value instanceof Token && FORWARDS.includes(String(value)),
    'fwd-status': () => Number.isInteger(value),
    ttl: () => Number.isInteger(value),
    stored: () => typeof value === 'boolean',
    collapsed: () => typeof value === 'boolean',
    key: () => typeof value === 'string',
    coherence: () => value instanceof Token && COHERENCE.includes(String(value)),
    fallback: () => value === true,
    detail: () => typeof value === 'string' || value instanceof Token,
  };
  assert.ok(valid[name]?.(), `the parameter ${name}=${value} is none that is known`);
}
