/** Traces: loads the SDK of OpenTelemetry where the configuration asks for traces. */
import { type Config, type Environment, Secret } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { Tracing } from '../tracing/tracing.ts';

/**
 * @param instance identifies this process
 * @param env the environment with the variables of ENV_FILE
 * @returns undefined without OTEL_TRACES_EXPORTER=otlp
 */
export async function composeTracing(
  { tracing }: Config,
  log: Logger,
  version: string,
  instance: string,
  env: Environment = process.env,
): Promise<Tracing | undefined> {
  if (tracing === undefined) return undefined;
  const { sdk, ...options } = tracing;
  // The SDK reads its part of the configuration from the environment of the process, which lacks flags and ENV_FILE.
  for (const [name, value] of Object.entries(env)) if (name.startsWith('OTEL_')) process.env[name] = value;
  for (const [name, value] of Object.entries(sdk))
    if (value !== undefined) process.env[name] = value instanceof Secret ? value.reveal() : value;
  const { startTracing } = await import('../tracing/otel.ts');
  return startTracing(
    { ...options, version, instance },
    {
      failed: (error) =>
        log.warn(
          { error },
          'traces cannot be sent to the collector; their spans are dropped until it accepts them',
        ),
      warned: (text) => log.warn({ text }, 'the SDK of OpenTelemetry warns'),
      recovered: (lost) => log.info({ lost }, 'traces are sent to the collector again'),
    },
  );
}
