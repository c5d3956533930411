/**
 * Decides which requests are traced, by the rules of OTEL_TRACES_SAMPLER. A request that is not chosen costs one random
 * number; the samplers of the SDK would need two ids and several objects for it.
 */

export const SAMPLERS = [
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
  'always_on',
  'always_off',
  'traceidratio',
] as const;

export type SamplerName = (typeof SAMPLERS)[number];

/** A header `traceparent`: version, trace id, span id and flags. Versions after 00 may add parts. */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?=$|-)/;
/** Where the trace id begins, and where its random digits begin: the last 14, by W3C Trace Context Level 2. */
const TRACE_ID_AT = 3;
const RANDOM_DIGITS_AT = TRACE_ID_AT + 18;
const TRACE_ID_END = TRACE_ID_AT + 32;
const SPAN_ID_AT = TRACE_ID_END + 1;
const SPAN_ID_END = SPAN_ID_AT + 16;
const LAST_FLAG_AT = SPAN_ID_END + 2;

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
/** In the bytes of a trace id. */
const RANDOM_BYTES_AT = 9;

export class Sampler {
  readonly #followsParent: boolean;
  /** A trace is sampled if its random number, from 0 to 1, is at least this. */
  readonly #threshold: number;

  /** @param ratio from 0 to 1, for the samplers with `traceidratio` */
  constructor(name: SamplerName, ratio: number) {
    this.#followsParent = name.startsWith('parentbased_');
    this.#threshold = 1 - (name.endsWith('always_on') ? 1 : name.endsWith('always_off') ? 0 : ratio);
  }

  /** Returns the id of a new trace, or undefined if it is not sampled. The random digits of the id decide. */
  draw(): string | undefined {
    const random = Math.random();
    return random < this.#threshold ? undefined : traceIdWith(random);
  }

  /** Whether a request with this valid `traceparent` is sampled. */
  continues(traceparent: string): boolean {
    if (this.#followsParent) return (Number.parseInt(traceparent[LAST_FLAG_AT]!, 16) & 1) === 1;
    const digits = traceparent.slice(RANDOM_DIGITS_AT, TRACE_ID_END);
    return Number.parseInt(digits, 16) / 2 ** 56 >= this.#threshold;
  }
}

export function isTraceparent(header: string): boolean {
  return TRACEPARENT.test(header) && (header.length === SPAN_ID_END + 3 || !header.startsWith('00'));
}

/** @param traceparent a valid one */
export function idsIn(traceparent: string): { readonly traceId: string; readonly spanId: string } {
  return {
    traceId: traceparent.slice(TRACE_ID_AT, TRACE_ID_END),
    spanId: traceparent.slice(SPAN_ID_AT, SPAN_ID_END),
  };
}

const words = new Uint32Array(TRACE_ID_BYTES / 4);
const bytes = Buffer.from(words.buffer);

/**
 * A trace id whose last 14 digits are this number from 0 to 1. `Math.random` has 53 bits at most, so the last three are
 * drawn.
 */
function traceIdWith(random: number): string {
  drawWords(3);
  const digits = random * 2 ** 56;
  bytes.writeUIntBE(Math.floor(digits / 2 ** 32), RANDOM_BYTES_AT, 3);
  bytes.writeUInt32BE((digits % 2 ** 32) + Math.floor(Math.random() * 8), RANDOM_BYTES_AT + 3);
  return bytes.toString('hex');
}

export function drawSpanId(): string {
  drawWords(2);
  return bytes.toString('hex', 0, SPAN_ID_BYTES);
}

/** Fills the first words of `bytes`. */
function drawWords(count: number): void {
  for (let i = 0; i < count; i++) words[i] = Math.random() * 2 ** 32;
}
