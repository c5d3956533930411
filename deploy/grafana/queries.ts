/** How the panels ask for the instances that are chosen, and for all of them. */

const EACH = 'namespace=~"$namespace", instance=~"$instance"';

/** A recording rule, for all instances together. */
export function ofAll(name: string): string {
  return `${name}{namespace=~"$namespace", instance=""}`;
}

/** A recording rule, for each instance. */
export function ofEach(name: string): string {
  return `${name}{${EACH}}`;
}

/** A metric as the service gives it, with matchers of its own. */
export function metric(name: string, ...matchers: readonly string[]): string {
  return `${name}{${['job="cache-service"', EACH, ...matchers].join(', ')}}`;
}

/** How fast a counter of the service grows, a second. */
export function rate(name: string, ...matchers: readonly string[]): string {
  return `rate(${metric(name, ...matchers)}[$__rate_interval])`;
}

/** A quantile of a histogram in milliseconds; without observations there is none. */
export function quantileMs(q: number, name: string, ...by: readonly string[]): string {
  const grouped = ['le', ...by].join(', ');
  return `1000 * histogram_quantile(${q}, sum by (${grouped}) (${rate(`${name}_bucket`)})) >= 0`;
}

/** A part of a whole, in percent; of nothing there is none. */
export function percent(part: string, whole: string): string {
  return `100 * ${part} / (${whole} > 0)`;
}
