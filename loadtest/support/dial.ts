import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Where a generator connects. */
export interface Address {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
  /** The name in the certificate; without it the connection is plain. */
  readonly secureName?: string;
}

/** Opens a connection without a delay for small packets. */
export function dial({ host = '127.0.0.1', port, secureName }: Address): Socket {
  if (secureName === undefined) return connect({ host, port, noDelay: true });
  // SNI has names only; the certificate is compared with the name or the address.
  const servername = isIP(secureName) === 0 ? { servername: secureName } : {};
  return connectTls({ host, port, ...servername, ALPNProtocols: ['http/1.1'] }).setNoDelay();
}

/** The event of a connection that can send. */
export function readyEvent({ secureName }: Address): 'connect' | 'secureConnect' {
  return secureName === undefined ? 'connect' : 'secureConnect';
}
