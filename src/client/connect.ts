import { addressesOf, isWebSocket } from './addresses.ts';
import type { Client } from './client.ts';
import { json } from './codec.ts';
import { HttpClient } from './http-client.ts';
import { type Options, settingsOf } from './options.ts';
import type { SocketFactory } from './socket.ts';
import { WsClient } from './ws-client.ts';

/**
 * Connects to the service.
 * @param addresses one or several, such as `ws://host:8000` or, where WebSocket is not allowed, `http://host:8000`. The
 *   client uses the next one when a connection is lost
 * @throws RatecacheError `disconnected` if no address answers in time; `argument_invalid`
 */
export type Connect = (addresses: string | readonly string[], options?: Options) => Promise<Client>;

export function connectWith(open: SocketFactory): Connect {
  return async (given, options = {}) => {
    const addresses = addressesOf(given);
    const settings = settingsOf(options, json);
    if (!isWebSocket(addresses[0].protocol)) return new HttpClient(addresses, settings);
    const client = new WsClient(addresses, settings, open);
    await client.connect();
    return client;
  };
}
