import { RatecacheError } from './errors.ts';

const PATH = '/v1/ws';

/**
 * The URLs of the service, for one transport. A WebSocket URL without a path gets the path of the endpoint.
 * @throws RatecacheError `argument_invalid`
 */
export function addressesOf(given: string | readonly string[]): readonly [URL, ...URL[]] {
  const [first, ...others] = (typeof given === 'string' ? [given] : given).map(addressOf);
  if (first === undefined) throw invalid('expected at least one address');
  for (const { protocol } of others)
    if (isWebSocket(protocol) !== isWebSocket(first.protocol))
      throw invalid('all addresses must use the same transport, WebSocket or HTTP');
  return [first, ...others];
}

export function isWebSocket(protocol: string): boolean {
  return protocol === 'ws:' || protocol === 'wss:';
}

function addressOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['ws:', 'wss:', 'http:', 'https:'].includes(url.protocol))
    throw invalid(
      `expected an address such as ws://host:8000 or http://host:8000, not ${JSON.stringify(text)}`,
    );
  if (url.username !== '' || url.password !== '')
    throw invalid('pass credentials as the option token: an address appears in logs');
  if (isWebSocket(url.protocol) && url.pathname === '/') url.pathname = PATH;
  return url;
}

function invalid(message: string): RatecacheError {
  return new RatecacheError('argument_invalid', message);
}
