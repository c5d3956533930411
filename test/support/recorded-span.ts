import type { TraceSpan } from '../../src/tracing/tracing.ts';

/** A span that a test reads. */
export class RecordedSpan implements TraceSpan {
  readonly name: string;
  readonly kind: string;
  readonly traceId = 't'.repeat(32);
  readonly spanId: string;
  readonly children: RecordedSpan[] = [];
  readonly attributes: Record<string, unknown> = {};
  readonly links: TraceSpan[] = [];
  failure: string | undefined;
  ends = 0;

  constructor(name: string, kind = 'server') {
    this.name = name;
    this.kind = kind;
    this.spanId = name;
  }

  child(name: string, kind = 'internal'): RecordedSpan {
    const child = new RecordedSpan(name, kind);
    this.children.push(child);
    return child;
  }

  set(attribute: string, value: unknown): void {
    this.attributes[attribute] = value;
  }

  link(other: TraceSpan): void {
    this.links.push(other);
  }

  fail(reason: string): void {
    this.failure = reason;
  }

  end(): void {
    this.ends++;
  }

  endRequest(): void {
    this.end();
  }
}
