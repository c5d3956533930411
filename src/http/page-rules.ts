/**
 * Rules against web pages of other origins. A browser sends their requests with the network access of its user, and adds
 * headers that name the origin. No page can send an `Authorization` header, because the service answers no CORS preflight.
 */
import { isIP } from 'node:net';
import { ServiceError } from '../errors.ts';
import type { HttpRequest } from '../uws.ts';
import { isHost, malformed } from './framing.ts';

/** Why a state-changing request is refused whatever its token; undefined if it is allowed. */
export function pageFault(req: HttpRequest): ServiceError | undefined {
  const site = req.getHeader('sec-fetch-site');
  if (site === 'cross-site' || site === 'same-site')
    return new ServiceError(
      'origin_refused',
      'Sec-Fetch-Site shows a page of another origin',
      'Sec-Fetch-Site',
    );
  const origin = req.getHeader('origin');
  if (origin !== '' && !isOwn(origin, req.getHeader('host')))
    return new ServiceError('origin_refused', 'Origin must be absent or name the host of the URL', 'Origin');
  return undefined;
}

/**
 * Whether a page of the service itself opens a WebSocket. The host is checked as for HTTP, because a page that uses DNS
 * rebinding has the origin that its `Host` names.
 */
export function ownPageRule(allowedHosts: readonly string[]): (origin: string, host: string) => boolean {
  const hosts = new HostRule(allowedHosts);
  return (origin, host) => isOwn(origin, host) && hosts.fault(host) === undefined;
}

function isOwn(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}

/**
 * Checks the `Host` header, against DNS rebinding. In such an attack the name evil.example first leads to a page, and
 * then to this service. The page has the same origin as the service, but its requests name evil.example. A host that is
 * an address was not resolved, so every address is allowed.
 */
export class HostRule {
  readonly #allowed: ReadonlySet<string>;
  /** Clients send the same few values, so most comparisons end here. */
  #last = '';

  constructor(allowedHosts: readonly string[]) {
    this.#allowed = new Set(['localhost', ...allowedHosts.map((host) => host.toLowerCase())]);
  }

  /** @param host a `Host` header */
  fault(host: string): ServiceError | undefined {
    if (host === this.#last && host !== '') return undefined;
    if (!isHost(host)) return malformed('send one Host line with a host name or address', 'Host');
    if (!this.#allows(host))
      return new ServiceError(
        'host_refused',
        'Host must be an address, localhost, or a host that ALLOWED_HOSTS lists',
        'Host',
      );
    this.#last = host;
    return undefined;
  }

  #allows(host: string): boolean {
    const name = /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(host)?.[1]?.toLowerCase();
    if (name === undefined) return false;
    if (this.#allowed.has(name)) return true;
    return isIP(name.startsWith('[') ? name.slice(1, -1) : name) !== 0;
  }
}
