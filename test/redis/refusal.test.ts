import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusal } from '../../src/redis/refusal.ts';
import { REFUSALS } from './refusals.ts';

test('temporary refusals of every Redis version are recognised, in scripts and outside', () => {
  assert.ok(REFUSALS.length > 90);
  for (const { server, kind, text } of REFUSALS) {
    const error = refusal(text);
    assert.equal(error.kind, kind, `Redis ${server}: ${text}`);
    assert.equal(error.passing, true);
    assert.equal(error.message, text);
  }
});

test('any other error is permanent, even if its text contains the name of a temporary refusal', () => {
  for (const text of [
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    'ERR value is not an integer or out of range',
    "ERR unknown command 'OOM', with args beginning with: 'READONLY' ",
    'ERR Error running script (call to f_1): @user_script:9: ERR value is not an integer or out of range',
    'ERR Error running script (call to f_1): @user_script:9: user_script:9: NOPERM is not defined',
    'ERR user_script:1: ACL failure in script: ',
    'READONLYISH',
    '',
  ]) {
    const error = refusal(text);
    assert.equal(error.kind, 'rejected', text);
    assert.equal(error.passing, false);
  }
});
