import { gunzipSync } from 'node:zlib';
import { connect, type RawConnection, type RawResponse } from '../../../loadtest/support/raw-http.ts';
import { validateMsgpack } from '../../../src/codec/msgpack-read.ts';
import type { ApiRequest } from '../grammar/bodies.ts';

/** A connection that stays open from one request to the next, and is opened again when the service has closed it. */
export class Api {
  readonly #port: number;
  #connection: RawConnection | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** @throws Error if the service does not answer, or reports an internal error */
  async request({ method, target, headers, body }: ApiRequest): Promise<RawResponse> {
    this.#connection ??= await connect(this.#port);
    const lines = [`${method} ${target} HTTP/1.1`, 'Host: 127.0.0.1', ...headers];
    if (body.length > 0) lines.push(`Content-Length: ${body.length}`);
    const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
    // The service may close the connection before it has read a body that is too large.
    await this.#connection.send(Buffer.concat([head, body])).catch(() => {});
    const [response] = await this.#connection.readResponses(1, 30_000, { head: method === 'HEAD' });
    if (response!.status === 500) throw new Error(`the service answered 500: ${response!.body}`);
    if (response!.headers.connection === 'close') this.close();
    return response!;
  }

  close(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }
}

/** @throws Error if the body is not of the type that the answer names */
export function checkBody({ headers, body: sent }: RawResponse): void {
  if (sent.length === 0) return;
  const type = headers['content-type'] ?? '';
  const body = headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
  if (type.endsWith('json')) JSON.parse(body.toString());
  else if (type.endsWith('msgpack')) validateMsgpack(body);
}
