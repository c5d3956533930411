import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { until } from '../../../loadtest/support/until.ts';
import { FakeService } from './fake-service.ts';
import { matches, substituted } from './matches.ts';
import { CallError, type Json, type Runner, type Scenario, type Step } from './scenario.ts';

/** Members of a call step that are not arguments of the call. */
const NOT_ARGUMENTS = new Set(['call', 'as', 'times']);

/** Plays one scenario with one client. @throws AssertionError which names the step that failed */
export async function play(scenario: Scenario, runner: Runner): Promise<void> {
  const service = await FakeService.start(scenario.addresses ?? 1);
  const stage = new Stage(scenario, service, runner);
  try {
    for (const [i, step] of scenario.steps.entries()) {
      try {
        await stage.play(step);
      } catch (error) {
        throw new Error(`step ${i + 1}: ${JSON.stringify(step)}: ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
    await runner.run({ do: 'close' });
    assert.deepEqual(service.unreceived, [], 'the client sent frames that no step received');
    assert.deepEqual(stage.unexpected, [], 'the client reported changes that no step expected');
  } finally {
    await runner.run({ do: 'close' }).catch(() => {});
    await service.close();
  }
}

class Stage {
  readonly #scenario: Scenario;
  readonly #service: FakeService;
  readonly #runner: Runner;
  readonly #calls = new Map<string, Promise<Json>[]>();
  readonly #ids = new Map<string, Json>();
  readonly #changes: { readonly subscription: string; readonly change: Json }[] = [];

  constructor(scenario: Scenario, service: FakeService, runner: Runner) {
    this.#scenario = scenario;
    this.#service = service;
    this.#runner = runner;
    runner.onChange = (subscription, change) => this.#changes.push({ subscription, change });
  }

  get unexpected(): readonly Json[] {
    return this.#changes;
  }

  async play(step: Step): Promise<void> {
    if (step.connect) {
      const connecting = this.#run({ do: 'connect' });
      await this.#service.accept();
      await connecting;
    } else if (step.call !== undefined) this.#call(step);
    else if (step.result !== undefined) await this.#result(step);
    else if (step.connection !== undefined) await this.#connection(step.connection);
    else if (step.receive !== undefined) await this.#receive(step);
    else if (step.send !== undefined) this.#service.peer.send([substituted(step.send, this.#ids)].flat());
    else if (step.heartbeat !== undefined) this.#service.heartbeat(step.heartbeat);
    else if (step.fault !== undefined) this.#fault(step);
    else if (step.await !== undefined) await this.#await(step.await);
    else if (step.change !== undefined) await this.#change(step);
    else if (step.token !== undefined) await this.#run({ do: 'token', token: step.token });
    else throw new Error('a step has one of the members that the README describes');
  }

  #run(command: { readonly do: string; readonly [argument: string]: Json }): Promise<Json> {
    if (command.do !== 'connect') return this.#runner.run(command);
    const { options = {}, token, tokenIn = 'header' } = this.#scenario;
    const { addresses } = this.#service;
    return this.#runner.run({ addresses, options, token, tokenIn, ...command });
  }

  #call(step: Step): void {
    const args = Object.fromEntries(Object.entries(step).filter(([name]) => !NOT_ARGUMENTS.has(name)));
    const calls = Array.from({ length: step.times ?? 1 }, () => this.#run({ ...args, do: step.call! }));
    for (const call of calls) call.catch(() => {});
    this.#calls.set(step.as ?? step.call!, calls);
  }

  async #result({ result, is, error, retryAfterMs }: Step): Promise<void> {
    const calls = this.#calls.get(result!);
    assert.ok(calls, `no call is named ${result}`);
    for (const call of calls) {
      if (error === undefined) {
        const actual = (await call) ?? null;
        if (is !== undefined) assert.ok(matches(is, actual), `the result is ${inspect(actual)}`);
      } else
        await assert.rejects(call, (thrown: CallError) => {
          assert.ok(thrown instanceof CallError, String(thrown));
          assert.equal(thrown.code, error, thrown.message);
          assert.equal(thrown.retryAfterMs, retryAfterMs);
          return true;
        });
    }
  }

  async #connection(expected: { readonly token?: string; readonly address?: number }): Promise<void> {
    const { token, address } = await this.#service.accept();
    if (expected.token !== undefined) assert.equal(token, expected.token);
    if (expected.address !== undefined) assert.equal(address, expected.address);
  }

  async #receive({ receive, as }: Step): Promise<void> {
    const { frames } = this.#service.peer;
    const index = () =>
      frames.findIndex(({ id, ...members }) => matches(substituted(receive, this.#ids), members, true));
    await until(() => index() >= 0).catch(() => {
      throw new Error(`the client has only sent ${inspect(frames, { depth: 5 })}`);
    });
    const [frame] = frames.splice(index(), 1);
    if (as === undefined) return;
    this.#ids.set(`$${as}`, frame.id);
    this.#ids.set(`$${as}.idempotencyKey`, frame.idempotencyKey);
  }

  #fault({ fault, code }: Step): void {
    const service = this.#service;
    if (fault === 'drop') service.peer.ws.terminate();
    else if (fault === 'freeze') service.freeze();
    else if (fault === 'close') service.peer.ws.close(code);
    else if (fault === 'ignore' || fault === 'answer') service.answer(fault === 'answer');
    else service.admit(fault === 'admit');
  }

  async #await({ peek, state, is }: NonNullable<Step['await']>): Promise<void> {
    let actual: Json;
    await until(async () => {
      actual = (await this.#run(peek === undefined ? { do: 'state' } : { do: 'peek', key: peek })) ?? null;
      return matches(state ?? is, actual);
    }).catch(() => {
      throw new Error(`it is ${inspect(actual)}`);
    });
  }

  async #change({ change: name, is }: Step): Promise<void> {
    const index = () => this.#changes.findIndex(({ subscription }) => subscription === name);
    await until(() => index() >= 0);
    const change = this.#changes.splice(index(), 1)[0]!.change;
    assert.ok(matches(is, change), `the change is ${inspect(change)}`);
  }
}
