import { type CostProfile } from './profile.js';
import { INSTRUCTION_CLASSES, STEP, STEP_NAMES, TICKS_PER_CYCLE, type CostTable } from './step.js';

/** What placement noise does to one run: factors on what crosses the mesh. 1 and 1 is the undisturbed machine. */
export interface PlacementDraw {
  readonly lineFactor: number;
  readonly flightFactor: number;
}

export const NO_DRAW: PlacementDraw = { lineFactor: 1, flightFactor: 1 };

/** Turns a profile into the numbers of one machine: ticks, nanoseconds converted at `tscGHz`, this run's draw applied. */
export function costTable(profile: CostProfile, tscGHz: number, draw: PlacementDraw = NO_DRAW): CostTable {
  const stepTicks = new Float64Array(STEP_NAMES.length);
  STEP_NAMES.forEach((name, index) => {
    const { value, unit } = profile.steps[name];
    stepTicks[index] = Math.round(value * (unit === 'ns' ? tscGHz : 1) * TICKS_PER_CYCLE);
  });
  stepTicks[STEP.LINE_TRANSFER] = Math.round(stepTicks[STEP.LINE_TRANSFER] * draw.lineFactor);
  stepTicks[STEP.IPI_FLIGHT] = Math.round(stepTicks[STEP.IPI_FLIGHT] * draw.flightFactor);
  const { line, flight } = profile.distance;
  return {
    stepTicks,
    classTicks: Uint16Array.from(INSTRUCTION_CLASSES, (name) => profile.classes[name].ticks),
    lineOccupancyTicks: Math.round(profile.lineOccupancy.value * TICKS_PER_CYCLE),
    lineDistance: [line.sibling, line.socket, line.remote],
    flightDistance: [flight.sibling, flight.socket, flight.remote],
  };
}
