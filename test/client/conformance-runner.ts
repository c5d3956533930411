/** Drives the TypeScript client for the conformance suite. */
import { connect as connectBrowser } from '../../src/client/browser.ts';
import type { Change } from '../../src/client/change.ts';
import type { Client, SubscriptionHandle } from '../../src/client/client.ts';
import { RatecacheError } from '../../src/client/errors.ts';
import { connect } from '../../src/client/node.ts';
import type { Result } from '../../src/client/result.ts';
import { CallError, type Json, type Runner } from '../support/conformance/scenario.ts';

export class TypeScriptRunner implements Runner {
  #client: Client | undefined;
  #token: string | undefined;
  readonly #subscriptions = new Map<string, SubscriptionHandle>();
  onChange: Runner['onChange'] = () => {};

  async run(command: { readonly do: string; readonly [argument: string]: Json }): Promise<Json> {
    try {
      return await this.#run(command);
    } catch (error) {
      throw error instanceof RatecacheError ? new CallError(error) : error;
    }
  }

  async #run({ do: call, name, interest, key, keys, value, ...options }: Json): Promise<Json> {
    if (call === 'connect') return this.#connect(options);
    if (call === 'token') {
      this.#token = options.token;
      return;
    }
    const client = this.#client;
    // The connection failed.
    if (client === undefined) return;
    const report = (change: Change) => this.onChange(name, change);
    switch (call) {
      case 'get':
        return shown(await client.get(key, options));
      case 'getMany':
        return (await client.getMany(keys, options)).map(shown);
      case 'peek':
        return shown(client.peek(key));
      case 'set':
        return client.set(key, value, options);
      case 'delete':
        return client.delete(key, options);
      case 'subscribe':
        this.#subscriptions.set(name, await client.subscribe(interest, report, options));
        return;
      case 'unsubscribe':
        return this.#subscriptions.get(name)!.close();
      case 'changes': {
        for await (const change of client.changes(interest, options)) report(change);
        return;
      }
      case 'state':
        return client.state;
      case 'close':
        return client.close();
      default:
        throw new Error(`no call is named ${call}`);
    }
  }

  async #connect({ addresses, options, token, tokenIn }: Json): Promise<void> {
    this.#token = token;
    const open = tokenIn === 'message' ? connectBrowser : connect;
    this.#client = await open(addresses, { ...options, ...(token && { token: () => this.#token! }) });
  }
}

/** A result as data: `age` is not a member of its own. */
function shown(result: Result | undefined): Json {
  return result && { ...result, age: result.age };
}
