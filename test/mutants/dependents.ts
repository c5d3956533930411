/** Defects of values that depend on others. */
import { Dependents } from '../../src/cache/dependencies/dependents.ts';
import { InputChanges } from '../../src/cache/dependencies/input-changes.ts';
import { all, method } from './mutant.ts';

export const DEPENDENTS = {
  'dependents are not compared with their inputs': all(
    method(Dependents.prototype, 'admits', () => () => true),
    method(Dependents.prototype, 'outdates', () => () => undefined),
    method(Dependents.prototype, 'check', () => async () => undefined),
  ),

  'the order of the link does not count for dependents': method(
    InputChanges.prototype,
    'heard',
    () =>
      function (this: InputChanges, key, version, now) {
        return this.changed(key, version ?? now());
      },
  ),

  'a gap in the link does not make earlier changes of inputs unknown': method(
    Dependents.prototype,
    'allChanged',
    () => () => {},
  ),
};
