/** Sends the requests of a table, each on its own connection unless one is passed. */
import { connect, type RawConnection, type RawResponse } from '../../loadtest/support/raw-http.ts';
import type { Sent } from './contract.ts';

/** @param id `GET /path`, with `{key}` for the key */
export async function sendRequest(port: number, id: string, sent: Sent = {}): Promise<RawResponse> {
  const connection = await connect(port);
  try {
    return await sendRequestOn(connection, id, sent);
  } finally {
    connection.destroy();
  }
}

export async function sendRequestOn(
  connection: RawConnection,
  id: string,
  sent: Sent = {},
): Promise<RawResponse> {
  const [method, path] = id.split(' ') as [string, string];
  const { key, query = {}, headers: { Host: host = 'x', ...headers } = {}, body } = sent;
  const target = key === undefined ? path : path.replace(/\{\w+\}/, escaped(key));
  const search = new URLSearchParams(query).toString();
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}\r\n`);
  const head = `${method} ${target}${search === '' ? '' : `?${search}`} HTTP/1.1\r\nHost: ${host}\r\n${lines.join('')}\r\n`;
  await connection.send(Buffer.concat([Buffer.from(head), Buffer.from(body ?? '')]));
  const [response] = await connection.readResponses(1, undefined, {
    head: method === 'HEAD',
    begun: path === '/v1/events',
  });
  return response!;
}

/** A key that begins with a percent sign is encoded already, or meant to be broken. */
function escaped(key: string): string {
  return key.startsWith('%') ? key : encodeURIComponent(key);
}
