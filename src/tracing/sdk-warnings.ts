/** What the SDK of OpenTelemetry reports about its variables and its spans. Without a logger it reports nothing. */
import { type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api';

/** How often texts that differ in their numbers only are reported. */
const EVERY_MS = 60_000;
const LONGEST = 300;

/**
 * Reports the warnings of the SDK from now on.
 * @param now monotonic milliseconds
 */
export function reportSdkWarnings(
  report: (text: string) => void,
  now: () => number = () => performance.now(),
): void {
  const reportedAt = new Map<string, number>();
  // Only the text: other arguments may be bytes that the collector sent.
  const warn = (text: string) => {
    const kind = text.replaceAll(/\d+/g, '#').slice(0, LONGEST);
    const last = reportedAt.get(kind);
    if (last !== undefined && now() - last < EVERY_MS) return;
    reportedAt.set(kind, now());
    report(text.slice(0, LONGEST));
  };
  const nothing = () => {};
  // Its errors are exports that failed, which `ReportingExporter` reports.
  const logger: DiagLogger = { error: nothing, warn, info: nothing, debug: nothing, verbose: nothing };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}
