import { expect, it } from 'vitest';
import { STEP } from './step.js';
import * as numbers from './step-numbers.js';

it.each(Object.entries(numbers))('%s is the number of the step of that name', (name, number) => {
  expect(number).toBe(STEP[name.slice('STEP_'.length) as keyof typeof STEP]);
});
