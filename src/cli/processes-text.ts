/** The processes of a service with PROCESSES, for people. */
import type { HealthBody } from '../metrics/health.ts';

type Processes = NonNullable<HealthBody['processes']>;

/** How many of the processes are healthy: `1 of 2`. */
export function healthyShare(processes: Processes): string {
  return `${processes.filter(({ status }) => status === 'healthy').length} of ${processes.length}`;
}

/** How many processes are healthy, and the state of each other one. */
export function processesText(processes: Processes): string {
  const others = processes
    .filter(({ status }) => status !== 'healthy')
    .map(({ process, pid, status }) => `${process}${pid === null ? '' : ` (pid ${pid})`}: ${status}`);
  return [`${healthyShare(processes)} healthy`, ...others].join(', ');
}
