/** Takes the spans of a service, and forgets them. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SpanSink {
  /** The variables of a service that sends to it. */
  readonly env: Readonly<Record<string, string>>;
  /** Requests with spans so far. */
  readonly batches: number;
  stop(): Promise<void>;
}

export async function startSpanSink(): Promise<SpanSink> {
  let batches = 0;
  const server = createServer((req, res) => {
    batches++;
    req.resume().once('end', () => res.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    env: { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` },
    get batches() {
      return batches;
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
