/** Traces by the SDK of OpenTelemetry. Only services with traces load this file and the SDK. */
import {
  type Context,
  createTraceState,
  type HrTime,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  type Resource,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  type IdGenerator,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { type ExportLog, ReportingExporter } from './reporting-exporter.ts';
import { drawSpanId, idsIn, isTraceparent, Sampler, type SamplerName } from './sampler.ts';
import { reportSdkWarnings } from './sdk-warnings.ts';
import type { HeaderLines, RequestEnd, TraceSpan, Tracing } from './tracing.ts';

export interface OtelOptions {
  readonly sampler: SamplerName;
  /** For the samplers with `traceidratio`, from 0 to 1. */
  readonly ratio: number;
  /** Whether requests continue the trace of their `traceparent`. */
  readonly continuesTraces: boolean;
  readonly batches: {
    readonly delayMs: number;
    readonly timeoutMs: number;
    readonly maxQueue: number;
    readonly maxBatch: number;
  };
  /** The version of ratecache. */
  readonly version: string;
  /** Identifies this process. */
  readonly instance: string;
}

// Bytes, because uWS converts a string at each call.
const TRACEPARENT = new TextEncoder().encode('traceparent').buffer;

const KINDS = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;

/** Starts to record. The exporter and the names of the service come from OTEL_* in the environment. */
export function startTracing(options: OtelOptions, log: ExportLog): Tracing {
  // This comes before the exporter is made, because the exporter reads its variables.
  reportSdkWarnings((text) => log.warned(text));
  return new OtelTracing(options, log);
}

/** The trace id of a span without a parent is the id that the sampler has drawn. */
class Ids implements IdGenerator {
  drawn = '';

  generateTraceId(): string {
    return this.drawn;
  }

  generateSpanId(): string {
    return drawSpanId();
  }
}

class OtelTracing implements Tracing {
  readonly #sampler: Sampler;
  readonly #continues: boolean;
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #ids = new Ids();

  constructor({ sampler, ratio, continuesTraces, batches, version, instance }: OtelOptions, log: ExportLog) {
    this.#sampler = new Sampler(sampler, ratio);
    this.#continues = continuesTraces;
    const processor = new BatchSpanProcessor({
      exporter: new ReportingExporter(new OTLPTraceExporter(), log),
      scheduledDelayMillis: batches.delayMs,
      exportTimeoutMillis: batches.timeoutMs,
      maxQueueSize: batches.maxQueue,
      maxExportBatchSize: batches.maxBatch,
    });
    this.#provider = new TracerProvider({
      resource: resourceOf(version, instance),
      // `Sampler` has decided before a span is made.
      sampler: new AlwaysOnSampler(),
      idGenerator: this.#ids,
      spanProcessors: [processor],
    });
    this.#tracer = this.#provider.getTracer('ratecache', version);
  }

  request(operation: string, req: HeaderLines): TraceSpan | undefined {
    const traceparent = this.#continues ? req.getHeader(TRACEPARENT) : '';
    if (traceparent === '' || !isTraceparent(traceparent)) return this.start(operation, 'server');
    if (!this.#sampler.continues(traceparent)) return undefined;
    const { parents, state } = traceLinesOf(req);
    if (parents > 1) return this.start(operation, 'server');
    const parent = trace.setSpanContext(ROOT_CONTEXT, {
      ...idsIn(traceparent),
      traceFlags: TraceFlags.SAMPLED,
      traceState: createTraceState(state),
      isRemote: true,
    });
    return this.#begin(operation, 'server', parent);
  }

  start(operation: string, kind: 'internal' | 'server'): TraceSpan | undefined {
    const drawn = this.#sampler.draw();
    if (drawn === undefined) return undefined;
    this.#ids.drawn = drawn;
    return this.#begin(operation, kind, ROOT_CONTEXT);
  }

  async close(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resume) => {
      timer = setTimeout(resume, timeoutMs);
    });
    // A failure is logged by the exporter.
    await Promise.race([this.#provider.shutdown().catch(() => {}), late]);
    clearTimeout(timer);
  }

  #begin(operation: string, kind: keyof typeof KINDS, parent: Context): TraceSpan {
    return new OtelSpan(this.#tracer, Date.now() - performance.now(), operation, kind, parent);
  }
}

class OtelSpan implements TraceSpan {
  readonly #tracer: Tracer;
  /**
   * From the monotonic clock to milliseconds since 1970. All steps of a request use the same offset. The SDK would start each
   * step at a whole millisecond, which is longer than most requests take.
   */
  readonly #offsetMs: number;
  readonly #span: Span;

  constructor(tracer: Tracer, offsetMs: number, name: string, kind: keyof typeof KINDS, within: Context) {
    this.#tracer = tracer;
    this.#offsetMs = offsetMs;
    this.#span = tracer.startSpan(name, { kind: KINDS[kind], startTime: this.#now() }, within);
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  get spanId(): string {
    return this.#span.spanContext().spanId;
  }

  child(name: string, kind: 'internal' | 'client' = 'internal'): TraceSpan {
    const within = trace.setSpan(ROOT_CONTEXT, this.#span);
    return new OtelSpan(this.#tracer, this.#offsetMs, name, kind, within);
  }

  // A client may disconnect, which ends the span of its request, before the steps of the request end.

  set(attribute: string, value: string | number | boolean): void {
    if (this.#span.isRecording()) this.#span.setAttribute(attribute, value);
  }

  link({ traceId, spanId }: TraceSpan): void {
    const context = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
    if (this.#span.isRecording()) this.#span.addLink({ context });
  }

  fail(reason: string): void {
    if (this.#span.isRecording()) this.#span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
  }

  end(): void {
    if (this.#span.isRecording()) this.#span.end(this.#now());
  }

  endRequest({ key, code, failure }: RequestEnd): void {
    if (key !== undefined) this.set('ratecache.key', key);
    if (code !== undefined) this.set('ratecache.code', code);
    if (failure !== undefined) {
      this.set('error.type', failure);
      this.fail(failure);
    }
    this.end();
  }

  #now(): HrTime {
    const ms = this.#offsetMs + performance.now();
    const seconds = Math.floor(ms / 1000);
    return [seconds, Math.floor((ms - seconds * 1000) * 1e6)];
  }
}

/** The number of lines `traceparent`, and all lines `tracestate` as one. `getHeader` would return the first line only. */
function traceLinesOf(req: HeaderLines): { readonly parents: number; readonly state: string } {
  let parents = 0;
  const states: string[] = [];
  req.forEach((name, value) => {
    if (name === 'traceparent') parents++;
    else if (name === 'tracestate') states.push(value);
  });
  return { parents, state: states.join() };
}

/** Later ones win: what the SDK says of itself, ratecache, OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME. */
function resourceOf(version: string, instance: string): Resource {
  const own = resourceFromAttributes({
    'service.name': 'ratecache',
    'service.version': version,
    'service.instance.id': instance,
    'process.pid': process.pid,
  });
  const given = detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] });
  return defaultResource().merge(own).merge(given);
}
