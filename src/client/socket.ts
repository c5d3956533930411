/** What the client needs of a WebSocket. The entry points for browsers and for Node supply it. */
export interface Socket {
  send(frame: string | Uint8Array): void;
  /** Ends the connection at once, also when the other side does not answer. */
  end(): void;
}

export interface SocketHandlers {
  open(): void;
  message(data: string | Uint8Array): void;
  /** Called once, also when the connection could not be opened. */
  close(code: number, reason: string): void;
}

export interface SocketOptions {
  readonly url: URL;
  readonly subprotocol: string;
  readonly token: string | undefined;
}

/** Opens a socket. It calls the handlers later, never before it returns. */
export interface SocketFactory {
  (options: SocketOptions, handlers: SocketHandlers): Socket;
  /** Whether `open` sends the token in the request for the upgrade. Otherwise the client sends the message `auth`. */
  readonly sendsToken: boolean;
}
