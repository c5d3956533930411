import { readFileSync } from 'node:fs';

/**
 * Whether Linux moves connections that a closing listener has not accepted to another listener of the port. Undefined if it
 * is unknown: before Linux 5.14, and on other systems.
 */
export function migratesConnections(): boolean | undefined {
  try {
    return readFileSync('/proc/sys/net/ipv4/tcp_migrate_req', 'utf8').trim() === '1';
  } catch {
    return undefined;
  }
}
