/** A scenario of `clients/conformance`, as its JSON file has it. The README there describes each step. */

// biome-ignore lint/suspicious/noExplicitAny: the data of scenarios is compared, not used
export type Json = any;

export interface Scenario {
  readonly name: string;
  readonly options?: Json;
  readonly addresses?: number;
  readonly token?: string;
  readonly tokenIn?: 'header' | 'message';
  readonly steps: readonly Step[];
}

export interface Step {
  readonly connect?: true;
  readonly call?: string;
  readonly as?: string;
  readonly times?: number;
  readonly result?: string;
  readonly is?: Json;
  readonly error?: string;
  readonly retryAfterMs?: number;
  readonly connection?: { readonly token?: string; readonly address?: number };
  readonly receive?: Json;
  readonly send?: Json;
  readonly heartbeat?: boolean | Json;
  readonly fault?: 'drop' | 'freeze' | 'close' | 'refuse' | 'admit' | 'ignore' | 'answer';
  readonly code?: number;
  readonly await?: { readonly peek?: string; readonly state?: Json; readonly is?: Json };
  readonly change?: string;
  readonly token?: string;
  /** Arguments of a call. */
  readonly [argument: string]: Json;
}

/** What drives one client. `do` names the call; the other members are its arguments. */
export interface Runner {
  run(command: { readonly do: string; readonly [argument: string]: Json }): Promise<Json>;
  /** Receives the changes that a subscription reports. */
  onChange: (subscription: string, change: Json) => void;
}

/** What a call failed with. */
export class CallError extends Error {
  readonly code: string;
  readonly retryAfterMs: number | undefined;

  constructor({ code, message, retryAfterMs }: Json) {
    super(`${code}: ${message}`);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}
