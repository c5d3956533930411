import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chosenProfiles } from '../../loadtest/choice.ts';
import { PROFILES } from '../../loadtest/profiles/index.ts';

const dir = mkdtempSync(join(tmpdir(), 'ratecache-choice-test-'));
after(() => rmSync(dir, { recursive: true }));

function file(path: string, name: string): string {
  const profile = {
    name,
    connections: 1,
    rate: [{ seconds: 1, perSecond: 1 }],
    keys: { symbols: 1 },
    mix: [{ op: 'get', share: 1 }],
  };
  writeFileSync(join(dir, path), JSON.stringify(profile));
  return join(dir, path);
}

const [own, same, smoke] = [file('own.json', 'own'), file('same.json', 'own'), file('smoke.json', 'smoke')];

test('names and files are chosen in their order, and all stands for the profiles of the harness', async () => {
  const names = async (...chosen: string[]) => (await chosenProfiles(chosen)).map(({ name }) => name);
  const all = PROFILES.map(({ name }) => name);
  assert.deepEqual(await names('quote', own, 'smoke'), ['quote', 'own', 'smoke']);
  assert.deepEqual(await names('all', own), [...all, 'own']);
});

for (const names of [
  [own, same],
  ['smoke', smoke],
  ['smoke', 'smoke'],
  ['all', 'smoke'],
])
  test(`two profiles of one name are refused: ${names.map((name) => name.replace(dir, '')).join(' ')}`, async () => {
    await assert.rejects(chosenProfiles(names), /two of these profiles have the name (own|smoke)/);
  });
