import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Change, type ConfigurationBody, compareConfigurations } from '../../src/config/compare.ts';
import { type Environment, loadConfig } from '../../src/config/config.ts';
import { reportVariables, type VariableReports } from '../../src/config/report.ts';
import { configurationBody } from '../../src/service/configuration.ts';
import { isReloaded } from '../../src/service/reload.ts';
import { isReplaced } from '../../src/service/supervisor/reload.ts';

const REDIS = { REDIS_HOST: 'a', REDIS_PORT: '6379', REDIS_PASSWORD: 'a secret' };
const FILE = '/etc/ratecache.env';

/** @param file the variables of ENV_FILE; undefined without one */
function reports(given: Environment, file?: Environment): VariableReports {
  const own = { ...REDIS, ...given, ...(file && { ENV_FILE: FILE }) };
  const env = { ...file, ...own };
  return reportVariables({ given: own, env, ...loadConfig(env, { standalone: false }) });
}

const alone = (variables: VariableReports): ConfigurationBody =>
  configurationBody('1.0.0', variables, isReloaded);
const supervised = (variables: VariableReports): ConfigurationBody => ({
  ...configurationBody('1.0.0', variables, isReplaced),
  processes: { count: 2, behind: 0 },
});
const inShort = (changes: readonly Change[]) =>
  changes.map(({ variable, present, next, applied_by }) => [variable, present, next, applied_by]);

test('a report has the value, and whether it comes from the environment, the file or the default', () => {
  const all = reports({ PORT: '9000', LOG_LEVEL: '' }, { PORT: '1', LOG_LEVEL: 'debug', MIN_RATE_TTL: '5' });
  assert.deepEqual(all.PORT, { value: 9000, from: 'environment' });
  assert.deepEqual(all.LOG_LEVEL, { value: 'info', from: 'environment' }, 'an empty variable hides the file');
  assert.deepEqual(all.MIN_RATE_TTL, { value: 5, from: 'file' });
  assert.deepEqual(all.HTTP_MAX_AGE, { value: 'none', from: 'default' });
  assert.deepEqual(all.OPS_PORT, { value: null, from: 'default' });
});

test('a report contains no secret, and shows only whether it is empty', () => {
  assert.deepEqual(reports({}).REDIS_PASSWORD, { value: '***', from: 'environment', secret: true });
  assert.equal(reports({ REDIS_PASSWORD: '' }).REDIS_PASSWORD!.value, '');
  assert.ok(!JSON.stringify(reports({})).includes(REDIS.REDIS_PASSWORD));
});

test('equal configurations have no changes, and secrets are not compared', () => {
  const { changes, not_compared } = compareConfigurations(alone(reports({})), reports({}));
  assert.deepEqual(changes, []);
  assert.deepEqual(not_compared, ['REDIS_PASSWORD']);
  const other = compareConfigurations(alone(reports({})), reports({ REDIS_PASSWORD: 'another' }));
  assert.deepEqual(other, { changes, not_compared });
});

test('a password that becomes empty is a change', () => {
  const { changes } = compareConfigurations(alone(reports({})), reports({ REDIS_PASSWORD: '' }));
  assert.deepEqual(inShort(changes), [['REDIS_PASSWORD', '***', '', 'restart']]);
});

test('SIGHUP applies what it can of the file, and nothing of the environment', () => {
  const running = alone(reports({ MIN_RATE_TTL: '9' }, { LOG_LEVEL: 'info', LOCAL_CACHE_MAX_SIZE: '5' }));
  const next = reports({ MAX_BATCH_KEYS: '7' }, { LOG_LEVEL: 'debug', MIN_RATE_TTL: '8' });
  const { changes } = compareConfigurations(running, next);
  assert.deepEqual(inShort(changes), [
    ['MIN_RATE_TTL', 9, 8, 'restart'],
    ['LOCAL_CACHE_MAX_SIZE', 5, 1000, 'restart'],
    ['MAX_BATCH_KEYS', 1000, 7, 'restart'],
    ['LOG_LEVEL', 'info', 'debug', 'SIGHUP'],
  ]);
  assert.deepEqual(
    changes.map(({ reason }) => reason?.slice(0, 24)),
    ['SIGHUP reads only ENV_FI', 'SIGHUP does not apply th', 'SIGHUP reads only ENV_FI', undefined],
  );
});

test('SIGHUP applies nothing of another ENV_FILE', () => {
  const running = alone(reports({}, { LOG_LEVEL: 'info' }));
  const next = reports({ ENV_FILE: '/elsewhere.env', LOG_LEVEL: 'debug' });
  assert.deepEqual(inShort(compareConfigurations(running, next).changes), [
    ['ENV_FILE', FILE, '/elsewhere.env', 'restart'],
    ['LOG_LEVEL', 'info', 'debug', 'restart'],
  ]);
});

test('SIGHUP replaces the processes of a supervisor, unless a variable of the supervisor itself changes', () => {
  const running = supervised(reports({ PROCESSES: '2' }, {}));
  const applied = compareConfigurations(
    running,
    reports({ PROCESSES: '2' }, { LOCAL_CACHE_MAX_SIZE: '5' }),
  ).changes;
  assert.deepEqual(inShort(applied), [['LOCAL_CACHE_MAX_SIZE', 1000, 5, 'SIGHUP']]);
  const refused = compareConfigurations(
    running,
    reports({ PROCESSES: '2' }, { LOCAL_CACHE_MAX_SIZE: '5', PORT: '9000' }),
  ).changes;
  assert.deepEqual(inShort(refused), [
    ['PORT', 8000, 9000, 'restart'],
    ['LOCAL_CACHE_MAX_SIZE', 1000, 5, 'restart'],
  ]);
});

test('without Redis, the variables of Redis that were set become unset', () => {
  const { changes, not_compared } = compareConfigurations(
    alone(reports({})),
    reports({ STANDALONE: 'true' }),
  );
  assert.deepEqual(
    changes.map(({ variable, next }) => [variable, next]),
    [
      ['STANDALONE', true],
      ['REDIS_HOST', null],
      ['REDIS_PORT', null],
      ['REDIS_PASSWORD', null],
    ],
  );
  assert.deepEqual(not_compared, []);
});

test('a variable that the running version does not know is a change only if it is set', () => {
  const { LOG_LEVEL, MIN_RATE_TTL, ...older } = reports({});
  const next = reports({ LOG_LEVEL: 'debug' });
  const { changes } = compareConfigurations(alone(older), next);
  assert.deepEqual(inShort(changes), [['LOG_LEVEL', null, 'debug', 'restart']]);
  assert.match(changes[0]!.reason!, /does not know/);
});

test('another default of another version needs a restart', () => {
  const running = alone({ ...reports({}), MIN_RATE_TTL: { value: 1, from: 'default' } });
  const { changes } = compareConfigurations(running, reports({}));
  assert.deepEqual(inShort(changes), [['MIN_RATE_TTL', 1, 86_400, 'restart']]);
  assert.match(changes[0]!.reason!, /different defaults/);
});
