/** Serves the live page. Its files are public and contain no data: the page asks for data with the token of its user. */
import { createHash } from 'node:crypto';
import type { HttpRequest, HttpResponse } from '../uws.ts';
import { attempt } from './body.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange, type Headers } from './exchange.ts';
import type { Handler } from './guard.ts';
import type { Routes } from './server.ts';

export interface UiFile {
  /** The media type. */
  readonly type: string;
  /** Returns the content. */
  readonly read: () => string;
}

/**
 * The page runs only its own scripts, and connects only to its own service. `style-src` allows no style in HTML; scripts
 * may set single properties of an element.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const COMMON: Headers = [
  ['Content-Security-Policy', POLICY],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['Referrer-Policy', 'no-referrer'],
  // A browser asks each time whether its copy is current, so a new release needs no new names.
  ['Cache-Control', 'no-cache'],
];

export function uiRoutes(deps: HttpDeps, files: ReadonlyMap<string, UiFile>): Routes {
  return Object.fromEntries(
    [...files].map(([path, file]) => [
      path,
      { GET: answering(deps, file, false), HEAD: answering(deps, file, true) },
    ]),
  );
}

function answering(deps: HttpDeps, { type, read }: UiFile, bodiless: boolean): Handler {
  let loaded: { readonly text: string; readonly headers: Headers; readonly etag: string } | undefined;
  const load = () => {
    const text = read();
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
    return { text, etag, headers: [...COMMON, ['ETag', etag], ['Content-Type', type]] as Headers };
  };
  return (res: HttpResponse, req: HttpRequest) => {
    const exchange = new Exchange(res, deps.load, deps.counters, bodiless);
    attempt(exchange, deps, () => {
      loaded ??= load();
      const current = req.getHeader('if-none-match') === loaded.etag;
      exchange.send(current ? 304 : 200, loaded.headers, current ? '' : loaded.text);
    });
  };
}
