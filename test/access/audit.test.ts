import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Audit, type AuditEvent } from '../../src/access/audit.ts';
import { principal, recordedLog } from './support.ts';

const EVENT: AuditEvent = {
  principal: principal(),
  operation: 'flush',
  target: 'calculation:*',
  from: '10.0.0.7',
  requestId: 'r-1',
};

/** An audit log whose time only the test moves. */
function audited(t: TestContext, { writes = false, level = 'info' } = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const recorded = recordedLog(level);
  let time = 0;
  const audit = new Audit(recorded.log, { writes, now: () => time });
  const pass = (ms: number) => {
    time += ms;
    t.mock.timers.tick(ms);
  };
  return { audit, pass, ...recorded };
}

test('an admin operation has a line with who, what, from where and the request', (t) => {
  const { audit, lines } = audited(t);
  audit.admin(EVENT, 'done');
  assert.equal(lines.length, 1);
  const { audit: kind, who, via, operation, target, from, request_id, outcome } = lines[0]!;
  assert.deepEqual(
    { kind, who, via, operation, target, from, request_id, outcome },
    {
      kind: 'admin',
      who: 'pricing',
      via: 'token',
      operation: 'flush',
      target: 'calculation:*',
      from: '10.0.0.7',
      request_id: 'r-1',
      outcome: 'done',
    },
  );
});

test('a write has a line only with AUDIT_WRITES', (t) => {
  const without = audited(t);
  assert.equal(without.audit.auditsWrites, false);
  without.audit.write(EVENT, 'created');
  assert.equal(without.lines.length, 0);
  t.mock.timers.reset();
  const { audit, lines } = audited(t, { writes: true });
  assert.equal(audit.auditsWrites, true);
  audit.write({ ...EVENT, operation: 'mset', target: undefined, keys: 500 }, 'created');
  assert.equal(lines[0]?.audit, 'write');
  assert.equal(lines[0].keys, 500);
});

test('a refused request without a token has a line without a name', (t) => {
  const { audit, lines } = audited(t);
  audit.refused({ ...EVENT, principal: undefined }, 'unauthenticated');
  assert.equal(lines[0]?.level, 'warn');
  assert.equal(lines[0].outcome, 'unauthenticated');
  assert.ok(!('who' in lines[0]));
});

test('of many refused requests 20 have a line, and one line a second later counts the others', (t) => {
  const { audit, lines, pass } = audited(t);
  for (let i = 0; i < 1000; i++) audit.refused(EVENT, 'forbidden');
  assert.equal(lines.length, 20);
  pass(1000);
  assert.equal(lines.length, 21);
  assert.equal(lines[20]!.left_out, 980);
  pass(60_000);
  assert.equal(lines.length, 21);
});

test('after a flood, ten refused requests a second have a line', (t) => {
  const { audit, lines, pass } = audited(t);
  for (let i = 0; i < 20; i++) audit.refused(EVENT, 'forbidden');
  lines.length = 0;
  for (let i = 0; i < 40; i++) {
    pass(25);
    audit.refused(EVENT, 'forbidden');
  }
  const own = lines.filter(({ left_out }) => left_out === undefined);
  assert.equal(own.length, 10);
  audit.close();
  const leftOut = lines.reduce((sum, line) => sum + Number(line.left_out ?? 0), 0);
  assert.equal(own.length + leftOut, 40);
});

test('closing logs the number of requests without a line at once', (t) => {
  const { audit, lines, pass } = audited(t);
  for (let i = 0; i < 25; i++) audit.refused(EVENT, 'forbidden');
  audit.close();
  assert.equal(lines.at(-1)?.left_out, 5);
  const count = lines.length;
  pass(10_000);
  audit.close();
  assert.equal(lines.length, count);
});

test('admin operations are never sampled, and a long target is truncated', (t) => {
  const { audit, lines } = audited(t);
  for (let i = 0; i < 100; i++) audit.admin({ ...EVENT, target: 'x'.repeat(10_000) }, 'done');
  assert.equal(lines.length, 100);
  assert.equal(String(lines[0]!.target).length, 512);
});

test('audit lines do not depend on LOG_LEVEL, except silent', (t) => {
  const quiet = audited(t, { level: 'error' });
  quiet.audit.admin(EVENT, 'done');
  assert.equal(quiet.lines.length, 1);
  t.mock.timers.reset();
  const silent = audited(t, { level: 'silent' });
  silent.audit.admin(EVENT, 'done');
  assert.equal(silent.lines.length, 0);
});
