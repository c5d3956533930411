import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { Principal } from '../../src/access/principal.ts';
import { digestOf, newToken } from '../../src/access/token.ts';
import { createLog, type Logger } from '../../src/log.ts';
import type { LogOutput } from '../../src/log-output.ts';

export const AUDIENCE = 'rates';
export const ISSUER = 'https://issuer.example.com';

export function principal(over: Partial<Principal> = {}): Principal {
  return {
    name: 'pricing',
    via: 'token',
    scopes: new Set(['read']),
    prefixes: undefined,
    expiresAt: Number.POSITIVE_INFINITY,
    limits: undefined,
    standings: [],
    ...over,
  };
}

export function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'ratecache-access-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** A token with an entry for the tokens file. */
export function tokenEntry(over: Record<string, unknown> = {}) {
  const token = newToken();
  return { token, entry: { name: 'pricing', sha256: digestOf(token), scopes: ['read'], ...over } };
}

export function writeTokens(path: string, ...tokens: readonly object[]): void {
  writeFileSync(path, JSON.stringify({ tokens }, undefined, 2));
}

type Line = Record<string, unknown> & { level: string; msg: string };

/** A real log, whose lines a test can read and await. */
export function recordedLog(level = 'info'): {
  log: Logger;
  lines: Line[];
  next: (match: (line: Line) => boolean) => Promise<Line>;
} {
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  const output = {
    write(text: string) {
      lines.push(JSON.parse(text));
      for (const look of waiting) look();
    },
  };
  return {
    log: createLog(level, output as unknown as LogOutput),
    lines,
    next: (match) =>
      new Promise((resolve) => {
        const look = () => {
          const found = lines.find(match);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}

/** An issuer with one key: its public key, and a function that signs claims. */
export async function issuer(kid: string, alg = 'ES256') {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  const privateJwk: JWK = { ...(await exportJWK(privateKey)), kid, alg };
  const sign = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) => {
    const now = Math.floor(Date.now() / 1000);
    const payload = { iss: ISSUER, aud: AUDIENCE, sub: 'engine', exp: now + 3600, ...claims };
    return new SignJWT(payload).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);
  };
  return { jwk, privateJwk, sign };
}

/** A real HTTP server of keys. `answer` may be replaced during the test. */
export async function keyServer(t: TestContext, keys: readonly JWK[]) {
  const served = { keys, status: 200, requests: 0, url: '' };
  const server: Server = createServer((_, response) => {
    served.requests++;
    response.writeHead(served.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ keys: served.keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  served.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  return served;
}

export const bearer = (token: string) => `Bearer ${token}`;
