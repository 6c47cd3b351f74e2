import { INSTRUCTION_CLASSES, STEP_NAMES, type CostTable } from '../../src/cost/step.js';

/** Every step costs `stepTicks`, every plain instruction `classTicks`, at any distance. */
export function uniformCosts(stepTicks: number, classTicks = 0): CostTable {
  return {
    stepTicks: new Float64Array(STEP_NAMES.length).fill(stepTicks),
    classTicks: new Uint16Array(INSTRUCTION_CLASSES.length).fill(classTicks),
    lineOccupancyTicks: 0,
    lineDistance: [1, 1, 1],
    flightDistance: [1, 1, 1],
  };
}
