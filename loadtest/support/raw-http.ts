import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';

export type RawResponse = {
  status: number;
  /** Names in lower case; repeated headers are joined by `, `. */
  headers: Record<string, string>;
  body: Buffer;
};

export type ReadOptions = {
  /** The answers are to HEAD: their Content-Length has no body. */
  head?: boolean;
  /** An answer in chunks may be a stream: it is returned with its first chunk. */
  begun?: boolean;
};

/** A TCP connection for HTTP/1.1, also for invalid requests. End it with `t.after(() => connection.destroy())`. */
export type RawConnection = {
  /** Resolves when the system has accepted the bytes. */
  send(data: string | Uint8Array): Promise<void>;
  /** The next `n` responses, in order; rejects on a timeout, or if the server closes the connection first. */
  readResponses(n: number, timeoutMs?: number, options?: ReadOptions): Promise<RawResponse[]>;
  /** Resolves when both sides have closed, or the connection was reset. */
  readonly closed: Promise<void>;
  /** Ends writing; answers can still be read. */
  end(): void;
  /** Closes the connection without finishing, like a client that crashed. */
  destroy(): void;
  /** Resets the connection instead of closing it. */
  reset(): void;
};

/** Connects to 127.0.0.1. Call `readResponses` once at a time. */
export async function connect(port: number): Promise<RawConnection> {
  const socket = connectTcp(port, '127.0.0.1').setNoDelay();
  await once(socket, 'connect');

  let received = Buffer.alloc(0);
  let ended = false;
  let wake = () => {};
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    wake();
  });
  // A reset ends a connection too, so `closed` reports it.
  socket.on('error', () => {});
  const end = () => {
    ended = true;
    wake();
  };
  socket.on('end', end);
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      end();
      resolve();
    });
  });

  return {
    send: (data) =>
      new Promise((resolve, reject) => {
        socket.write(data, (error) => (error ? reject(error) : resolve()));
      }),
    async readResponses(n, timeoutMs = 30_000, { head = false, begun = false } = {}) {
      const responses: RawResponse[] = [];
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        wake();
      }, timeoutMs);
      try {
        while (true) {
          let offset = 0;
          while (responses.length < n) {
            const parsed = parseResponse(received, offset, { head, begun }, ended);
            if (parsed === undefined) break;
            offset = parsed.next;
            responses.push(parsed.response);
          }
          received = received.subarray(offset);
          if (responses.length === n) return responses;
          if (ended || late) {
            const why = ended ? 'the connection ended' : `${timeoutMs} ms passed`;
            const rest = received.subarray(0, 500).toString('latin1');
            throw new Error(
              `${why} after ${responses.length} of ${n} responses; unread: ${JSON.stringify(rest)}`,
            );
          }
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        clearTimeout(timer);
      }
    },
    closed,
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    reset: () => void socket.resetAndDestroy(),
  };
}

type Parsed<Name extends string, T> = Record<Name, T> & { next: number };

/** The response at `offset`, or undefined while it is incomplete. */
function parseResponse(
  bytes: Buffer,
  offset: number,
  how: Required<ReadOptions>,
  ended: boolean,
): Parsed<'response', RawResponse> | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n', offset);
  if (headEnd === -1) return undefined;
  const [statusLine = '', ...fields] = bytes.toString('latin1', offset, headEnd).split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(statusLine)?.[1];
  if (status === undefined) throw new Error(`not a status line: ${JSON.stringify(statusLine)}`);

  const headers: Record<string, string> = Object.create(null);
  for (const field of fields) {
    const colon = field.indexOf(':');
    if (colon < 1) throw new Error(`not a header: ${JSON.stringify(field)}`);
    const name = field.slice(0, colon).toLowerCase();
    const value = field.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }

  const body = parseBody(bytes, headEnd + 4, Number(status), headers, how, ended);
  return body && { response: { status: Number(status), headers, body: body.body }, next: body.next };
}

function parseBody(
  bytes: Buffer,
  start: number,
  status: number,
  headers: Record<string, string>,
  how: Required<ReadOptions>,
  ended: boolean,
): Parsed<'body', Buffer> | undefined {
  if (how.head || status < 200 || status === 204 || status === 304)
    return { body: Buffer.alloc(0), next: start };
  if (headers['transfer-encoding'] === 'chunked') return parseChunked(bytes, start, how.begun);
  const length = headers['content-length'];
  if (length === undefined) return ended ? { body: bytes.subarray(start), next: bytes.length } : undefined;
  if (!/^\d+$/.test(length)) throw new Error(`not a content length: ${length}`);
  const next = start + Number(length);
  return next <= bytes.length ? { body: bytes.subarray(start, next), next } : undefined;
}

function parseChunked(bytes: Buffer, start: number, begun: boolean): Parsed<'body', Buffer> | undefined {
  const chunks: Buffer[] = [];
  let at = start;
  while (true) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const line = bytes.toString('latin1', at, lineEnd);
    const hex = /^([0-9a-f]+) *(?:;|$)/i.exec(line)?.[1];
    if (hex === undefined) throw new Error(`not a chunk size: ${JSON.stringify(line)}`);
    const size = Number.parseInt(hex, 16);
    const dataStart = lineEnd + 2;
    const dataEnd = dataStart + size;
    if (bytes.length < dataEnd + 2) return undefined;
    if (bytes.toString('latin1', dataEnd, dataEnd + 2) !== '\r\n')
      throw new Error('a chunk longer than its size');
    at = dataEnd + 2;
    if (size === 0) return { body: Buffer.concat(chunks), next: at };
    chunks.push(bytes.subarray(dataStart, dataEnd));
    if (begun) return { body: chunks[0]!, next: at };
  }
}
