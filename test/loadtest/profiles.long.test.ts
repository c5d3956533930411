import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Data, Profile } from '../../loadtest/profile.ts';
import { PROFILES } from '../../loadtest/profiles/index.ts';
import { measure } from '../../loadtest/run-profile.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { startTarget, type Target } from '../../loadtest/target/target.ts';

const SECONDS = 0.3;
/** A test process that is late by a second still makes both faults. */
const SECONDS_WITH_FAULTS = 3;
const DATA: Data = {
  symbols: 50,
  types: ['borrow_rate', 'volatility', 'event_risk', 'broker_config', 'min_rate', 'calculation'],
  valueBytes: 65_536,
};

test('every profile has a unique name, a question and gates', () => {
  assert.equal(new Set(PROFILES.map(({ name }) => name)).size, PROFILES.length);
  for (const { name, question, gates, load } of PROFILES) {
    assert.match(name, /^[a-z]+(-[a-z]+)*$/);
    assert.match(question, /^[A-Z].*\?$/);
    assert.ok(gates.length > 0, `${name} has no gates`);
    assert.equal(load.ratePerSecond === null, load.kind === 'closed', `the rate of ${name}`);
  }
});

describe('a short run of each gives a result', () => {
  let target: Target;
  before(async () => {
    target = await startTarget({ data: DATA, env: PATIENT }, 1);
  });
  after(() => target?.stop());

  // The profile that kills Redis runs last: no other profile needs Redis then.
  const harmless = PROFILES.filter(({ faults }) => faults === undefined);
  describe('profiles without faults', { concurrency: 2 }, () => {
    for (const profile of harmless) test(profile.name, () => short(profile));
  });
  for (const profile of PROFILES) {
    if (profile.faults === undefined) continue;
    test(profile.name, async () => {
      const told: string[] = [];
      await short(profile, (what) => told.push(what));
      assert.deepEqual(told, ['redis killed', 'redis back']);
      assert.equal(await target.redis!.cli('PING'), 'PONG');
    });
  }

  async function short(profile: Profile, onFault: (what: string) => void = () => {}): Promise<void> {
    const seconds = profile.faults === undefined ? SECONDS : SECONDS_WITH_FAULTS;
    const load = { ...profile.load, seconds, warmupSeconds: 0.2 };
    const data = { ...DATA, symbols: Math.min(DATA.symbols, profile.data.symbols) };
    const result = await measure({ ...profile, load, data }, target, {
      seed: 1,
      ceilingMs: 100,
      // No request is given up only because the machine is busy.
      timeoutMs: 60_000,
      onProgress: (progress) => progress.kind === 'fault' && onFault(progress.what),
    });
    assert.equal(result.profile, profile.name);
    assert.equal(result.series.length, Math.ceil(seconds));
    assert.match(result.requestsDigest!, /^[0-9a-f]{64}$/);
    const { requests, latency, generator } = result;
    assert.ok(requests.completed > 0, 'nothing was answered');
    assert.equal(requests.errors + requests.timeouts, 0, JSON.stringify(requests));
    const answered = result.series.reduce((sum, { completed }) => sum + completed, 0);
    assert.equal(latency.distribution.at(-1)?.[1], answered);
    assert.ok(latency.p50Us > 0 && latency.p50Us <= latency.p99Us && latency.p99Us <= latency.maxUs);
    assert.ok(generator.ceilingPerSecond > 0, 'the ceiling was not measured');
    const judged = result.gates.map(({ gate }) => gate);
    assert.ok(judged.includes('samples') && judged.includes('generator'));
    if (profile.gates.includes('errors')) {
      assert.equal(result.gates.find(({ gate }) => gate === 'error rate')?.verdict, 'pass');
    }
    if (profile.gates.includes('hits')) assert.ok(requests.hits > 0, 'no read had a value');
  }
});
