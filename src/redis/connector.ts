/** Opens the sockets of ioredis: finds the server for each connection, speaks TLS, and judges the server's INFO. */
import { createConnection, type Socket as NetSocket, Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { AbstractConnector, type RedisOptions } from 'ioredis';
import { NO_TLS, type TlsFiles, tlsOptions } from './tls.ts';

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** The fields of INFO, by name. Empty where an ACL forbids INFO. */
export type InfoFields = Readonly<Record<string, string | undefined>>;

export interface Route {
  /** Called for each connection. */
  readonly locate: () => HostAndPort | Promise<HostAndPort>;
  /** Undefined to connect without TLS. */
  readonly tls: TlsFiles | undefined;
  /** Returns why this server must not be used, or undefined. */
  readonly refuse?: (info: InfoFields, server: HostAndPort) => string | undefined;
}

/** Returns a class for the option `Connector` of ioredis. With TLS, the option `tls` must be set too. */
export function connectorTo(route: Route): NonNullable<RedisOptions['Connector']> {
  return class extends ServerConnector {
    /** A simulation reads it. */
    static readonly route = route;

    constructor(options: unknown) {
      super(options as RedisOptions, route);
    }
  };
}

class ServerConnector extends AbstractConnector {
  readonly #route: Route;
  #server: HostAndPort = { host: '', port: 0 };
  #emit: (type: string, error: Error) => void = () => {};

  constructor({ disconnectTimeout }: RedisOptions, route: Route) {
    super(disconnectTimeout!);
    this.#route = route;
  }

  /** Never rejects: ioredis would not connect again. A failure is a destroyed socket and `firstError` instead. */
  override async connect(emit: (type: string, error: Error) => void): Promise<NetSocket | TLSSocket> {
    this.connecting = true;
    this.#emit = emit;
    delete this.firstError;
    try {
      this.#server = await this.#route.locate();
      // `disconnect` was called in the meantime.
      if (!this.connecting) return destroyed();
      this.stream = this.#open();
    } catch (error) {
      this.firstError = error as Error;
      return destroyed();
    }
    this.stream.once('error', (error: Error) => {
      this.firstError = error;
    });
    return this.stream;
  }

  /** ioredis calls this with the fields of INFO before a connection is ready. */
  override check(info: InfoFields): boolean {
    const reason = this.#route.refuse?.(info, this.#server);
    if (reason !== undefined) this.#emit('error', new Error(reason));
    return reason === undefined;
  }

  #open(): NetSocket | TLSSocket {
    const { host, port } = this.#server;
    const { tls } = this.#route;
    if (tls === undefined) return createConnection({ host, port });
    const stream = connectTls({ host, port, ...tlsOptions(tls, host) });
    // A server without TLS waits for more after the first message of the handshake. ioredis reports only a time-out.
    stream.once('timeout', () => {
      if (!stream.connecting) this.#emit('error', new Error(NO_TLS));
    });
    return stream;
  }
}

function destroyed(): NetSocket {
  return new Socket().destroy();
}
