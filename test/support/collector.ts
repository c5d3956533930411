/** A collector: it receives spans by OTLP over HTTP, as the specification of OpenTelemetry describes it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { until } from '../../loadtest/support/until.ts';

const SCHEMA = fileURLToPath(new URL('otlp-trace.proto', import.meta.url));
const REQUEST = protobuf.loadSync(SCHEMA).lookupType('ExportTraceServiceRequest');

/** As OTLP numbers them. */
export const SERVER = 2;
export const CLIENT = 3;
export const INTERNAL = 1;
export const ERROR = 2;

type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** '' for a span without a parent. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  /** In nanoseconds since 1970. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Attributes;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 0 where it is not set. */
  readonly status: number;
  readonly resource: Attributes;
}

export interface Collector {
  readonly port: number;
  /** The variables of a service that sends to it. */
  readonly env: Readonly<Record<string, string>>;
  readonly spans: readonly ReceivedSpan[];
  /** The header lines of the last request. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Resolves with the first span, past or future, that the predicate accepts. */
  span(predicate: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan>;
  /** The first child of the span with this name, past or future. */
  childOf(parent: ReceivedSpan, name: string): Promise<ReceivedSpan>;
  stop(): Promise<void>;
}

/** @param port 0 for a free one */
export async function startCollector(port = 0): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  let headers: Collector['headers'] = {};
  const server = createServer(async (req, res) => {
    headers = req.headers;
    const isTraces = req.method === 'POST' && req.url === '/v1/traces';
    const isProtobuf = req.headers['content-type'] === 'application/x-protobuf';
    if (!isTraces || !isProtobuf) return res.writeHead(400).end();
    spans.push(...spansIn(await buffer(req)));
    res.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: actual } = server.address() as AddressInfo;
  const span: Collector['span'] = (predicate) => until(() => spans.find(predicate));
  return {
    port: actual,
    env: {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${actual}`,
      OTEL_BSP_SCHEDULE_DELAY: '20',
    },
    spans,
    get headers() {
      return headers;
    },
    span,
    childOf: ({ traceId, spanId }, name) =>
      span((each) => each.traceId === traceId && each.parentSpanId === spanId && each.name === name),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Decoded {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly KeyValue[] };
    readonly scopeSpans?: readonly { readonly spans?: readonly DecodedSpan[] }[];
  }[];
}

interface DecodedSpan {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentSpanId?: Uint8Array;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly KeyValue[];
  readonly links?: readonly { readonly traceId: Uint8Array; readonly spanId: Uint8Array }[];
  readonly status?: { readonly code?: number };
}

interface KeyValue {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    readonly boolValue?: boolean;
    readonly intValue?: string;
    readonly doubleValue?: number;
  };
}

function spansIn(body: Uint8Array): ReceivedSpan[] {
  const request = REQUEST.toObject(REQUEST.decode(body), { longs: String }) as Decoded;
  return (request.resourceSpans ?? []).flatMap(({ resource, scopeSpans = [] }) =>
    scopeSpans.flatMap(({ spans = [] }) =>
      spans.map((each) => received(each, attributesOf(resource?.attributes))),
    ),
  );
}

function received(span: DecodedSpan, resource: Attributes): ReceivedSpan {
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId),
    traceState: span.traceState ?? '',
    name: span.name,
    kind: span.kind,
    start: BigInt(span.startTimeUnixNano),
    end: BigInt(span.endTimeUnixNano),
    attributes: attributesOf(span.attributes),
    links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId: hex(traceId), spanId: hex(spanId) })),
    status: span.status?.code ?? 0,
    resource,
  };
}

function attributesOf(pairs: readonly KeyValue[] = []): Attributes {
  return Object.fromEntries(
    pairs.map(({ key, value: { stringValue, boolValue, intValue, doubleValue } }) => [
      key,
      stringValue ?? boolValue ?? doubleValue ?? Number(intValue),
    ]),
  );
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes).toString('hex');
}
