/** Queries of the panels, for the selected instances and for all instances together. */

const EACH = 'namespace=~"$namespace", instance=~"$instance"';

/** A recording rule, for all instances together. */
export function ofAll(name: string): string {
  return `${name}{namespace=~"$namespace", instance=""}`;
}

/** A recording rule, for each instance. */
export function ofEach(name: string): string {
  return `${name}{${EACH}}`;
}

/** A metric of the service, with further matchers. */
export function metric(name: string, ...matchers: readonly string[]): string {
  return `${name}{${['job="cache-service"', EACH, ...matchers].join(', ')}}`;
}

/** The rate of a counter of the service, per second. */
export function rate(name: string, ...matchers: readonly string[]): string {
  return `rate(${metric(name, ...matchers)}[$__rate_interval])`;
}

/** A quantile of a histogram in milliseconds; no sample without observations. */
export function quantileMs(q: number, name: string, ...by: readonly string[]): string {
  const grouped = ['le', ...by].join(', ');
  return `1000 * histogram_quantile(${q}, sum by (${grouped}) (${rate(`${name}_bucket`)})) >= 0`;
}

/** A part of a whole in percent; no sample if the whole is 0. */
export function percent(part: string, whole: string): string {
  return `100 * ${part} / (${whole} > 0)`;
}
