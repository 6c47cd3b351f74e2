/** Which subtests of vmexit.flat the tests beside this one run. */
import { expect, it } from 'vitest';
import { documentedCycles, linesOf, SUBTESTS } from '../support/vmexit-list.js';

it('all subtests of docs/cost-model.md are run, those without a number for being skipped', () => {
  const documented = documentedCycles();
  const groups = Object.keys(SUBTESTS) as (keyof typeof SUBTESTS)[];
  expect(groups.flatMap(linesOf).toSorted()).toEqual([...documented.keys()].toSorted());
  const skipped = [...documented].filter(([, cycles]) => Number.isNaN(cycles)).map(([name]) => name);
  expect(skipped).toEqual(linesOf('skipped'));
});
