import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';

/** How failed exports and warnings of the SDK are reported. */
export interface ExportLog {
  /** The first export fails after one that succeeded, or after the start. */
  failed(reason: string): void;
  /** An export succeeds again. @param lost the spans that were not exported */
  recovered(lost: number): void;
  /** The SDK warns of a variable that it disregards, of dropped spans, or of an unexpected answer. */
  warned(text: string): void;
}

type Done = Parameters<SpanExporter['export']>[1];

/** `ExportResultCode.SUCCESS` */
const SUCCESS = 0;

/** Reports when exports begin to fail, and when they succeed again. The SDK drops spans without a word. */
export class ReportingExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #log: ExportLog;
  /** Undefined while exports succeed. */
  #lost: number | undefined;

  constructor(exporter: SpanExporter, log: ExportLog) {
    this.#exporter = exporter;
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: Done): void {
    this.#exporter.export(spans, (result) => {
      if (result.code === SUCCESS) this.#succeeded();
      else this.#failed(spans.length, result.error);
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  #succeeded(): void {
    if (this.#lost === undefined) return;
    this.#log.recovered(this.#lost);
    this.#lost = undefined;
  }

  #failed(spans: number, error: Error | undefined): void {
    if (this.#lost === undefined) this.#log.failed(reasonOf(error));
    this.#lost = (this.#lost ?? 0) + spans;
  }
}

function reasonOf(error: Error | undefined): string {
  const cause = error?.cause;
  const message = cause instanceof Error ? cause.message : error?.message;
  return message || 'unknown';
}
