/** Warnings about variables of traces that have no effect. */
import type { SamplerName } from '../tracing/sampler.ts';
import { areHeaders } from './pairs.ts';
import type { Environment } from './parse.ts';

/** @param tracing undefined without traces */
export function tracingWarnings(
  env: Environment,
  tracing: { readonly sampler: SamplerName; readonly ratio: number } | undefined,
): string[] {
  const warnings: string[] = [];
  if (tracing === undefined) {
    if (env.OTEL_EXPORTER_OTLP_ENDPOINT && !env.OTEL_TRACES_EXPORTER)
      warnings.push('OTEL_EXPORTER_OTLP_ENDPOINT: has no effect without OTEL_TRACES_EXPORTER=otlp');
    return warnings;
  }
  const { sampler, ratio } = tracing;
  // The ratio 1 is the default, which a file of all variables contains.
  if (ratio !== 1 && !sampler.endsWith('traceidratio'))
    warnings.push(
      `OTEL_TRACES_SAMPLER_ARG: has no effect with OTEL_TRACES_SAMPLER=${sampler}; use parentbased_traceidratio`,
    );
  // Only the SDK reads it.
  if (!areHeaders(env.OTEL_EXPORTER_OTLP_TRACES_HEADERS ?? ''))
    warnings.push(
      'OTEL_EXPORTER_OTLP_TRACES_HEADERS: (hidden), expected pairs as name=value; the others are not sent',
    );
  return warnings;
}
