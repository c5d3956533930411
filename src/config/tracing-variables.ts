/** The variables of OpenTelemetry that the service reads. The SDK reads the others from the environment of the process. */
import { SAMPLERS } from '../tracing/sampler.ts';
import { boolean, choice, integer, secret, text } from './kinds.ts';
import { areAttributes, areHeaders } from './pairs.ts';
import { PRINTABLE } from './patterns.ts';

/** What exporters speak. This one speaks the first. */
const PROTOCOLS = ['http/protobuf', 'http/json', 'grpc'] as const;

const url = (doc: string) =>
  text({
    group: 'tracing',
    pattern: /^https?:\/\/[^\s/@]+(\/\S*)?$/,
    expected: 'a URL that begins with http:// or https://, without a user name',
    doc,
  });

const PAIRS_EXPECTED = 'pairs as name=value, separated by commas, with , ; = % in a value as %2C %3B %3D %25';

export const TRACING_VARIABLES = {
  OTEL_TRACES_EXPORTER: choice({
    group: 'tracing',
    default: 'none',
    of: ['none', 'otlp'],
    doc: 'With otlp the service records traces, and sends them to the collector at OTEL_EXPORTER_OTLP_ENDPOINT.',
  }),
  OTEL_SDK_DISABLED: boolean({
    group: 'tracing',
    default: false,
    doc: 'Record no traces, whatever OTEL_TRACES_EXPORTER is.',
  }),
  OTEL_TRACES_SAMPLER: choice({
    group: 'tracing',
    default: 'parentbased_always_on',
    of: SAMPLERS,
    doc: 'Which requests are traced. The parentbased samplers obey the header traceparent, and decide only for requests without it.',
  }),
  OTEL_TRACES_SAMPLER_ARG: text({
    group: 'tracing',
    default: '1',
    pattern: /^(0(\.\d{1,9})?|1(\.0{1,9})?)$/,
    expected: 'a number from 0 to 1, such as 0.01',
    doc: 'The share of requests that the samplers with traceidratio trace.',
  }),
  OTEL_PROPAGATORS: text({
    group: 'tracing',
    default: 'tracecontext,baggage',
    pattern: /^(none|(tracecontext|baggage)(,(tracecontext|baggage))?)$/,
    expected: 'tracecontext, baggage, both separated by a comma, or none',
    doc: 'With tracecontext a request continues the trace of its header traceparent. Baggage has no effect.',
  }),
  OTEL_SERVICE_NAME: text({
    group: 'tracing',
    pattern: PRINTABLE,
    expected: 'a name without control characters',
    doc: 'Name of the service in traces; unset uses service.name of OTEL_RESOURCE_ATTRIBUTES, or ratecache.',
  }),
  OTEL_RESOURCE_ATTRIBUTES: text({
    group: 'tracing',
    pattern: PRINTABLE,
    test: areAttributes,
    expected: PAIRS_EXPECTED,
    doc: 'Attributes of every span, as name=value separated by commas, such as deployment.environment.name=production.',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: url(
    'Base URL of the collector; the SDK adds /v1/traces. Unset is http://localhost:4318.',
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url(
    'URL of the collector for traces, used as it is; it overrides OTEL_EXPORTER_OTLP_ENDPOINT.',
  ),
  OTEL_EXPORTER_OTLP_HEADERS: secret({
    group: 'tracing',
    test: areHeaders,
    expected: PAIRS_EXPECTED,
    doc: 'Header lines for the collector, such as an access token, as name=value separated by commas.',
  }),
  OTEL_EXPORTER_OTLP_PROTOCOL: choice({
    group: 'tracing',
    default: 'http/protobuf',
    of: PROTOCOLS,
    doc: 'Protocol of exporters. For traces it must be http/protobuf, which collectors accept on port 4318.',
  }),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: choice({
    group: 'tracing',
    of: PROTOCOLS,
    doc: 'As OTEL_EXPORTER_OTLP_PROTOCOL, for traces only, and overrides it.',
  }),
  OTEL_BSP_SCHEDULE_DELAY: integer({
    group: 'tracing',
    default: 5000,
    unit: 'ms',
    within: [1, 600_000],
    doc: 'How long a span waits for others before it is sent.',
  }),
  OTEL_BSP_EXPORT_TIMEOUT: integer({
    group: 'tracing',
    default: 30_000,
    unit: 'ms',
    within: [1, 600_000],
    doc: 'How long sending a batch of spans may take.',
  }),
  OTEL_BSP_MAX_QUEUE_SIZE: integer({
    group: 'tracing',
    default: 2048,
    unit: 'spans',
    within: [1, 1_000_000],
    doc: 'Maximum number of spans that wait. Beyond it spans are dropped.',
  }),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: integer({
    group: 'tracing',
    default: 512,
    unit: 'spans',
    within: [1, 1_000_000],
    doc: 'Maximum number of spans in a batch; at most OTEL_BSP_MAX_QUEUE_SIZE.',
  }),
};
