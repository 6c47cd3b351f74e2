import type { CalibratedGroup, CalibratedStep, CalibrationReport } from '../calibration/calibrate.js';
import type { Style } from '../report/style.js';

/** What the fit found, how well, and what the data cannot tell. */
export function calibrationText(report: CalibrationReport, style: Style): string {
  const { rows, groups, rank, freeSteps, indistinguishable, iterations, pooledDeviation, profile } = report;
  const sections = [
    [style.strong(`rows (cycles per IPI, noise off, ${iterations} Gauss-Newton steps)`), ...rows.map(rowLine)],
    ...groups.map((group) => groupLines(group, style)),
    [
      `rank ${rank}: the data fix ${rank} sums of ${freeSteps} free steps; the prior alone splits them`,
      ...indistinguishable.map((steps) => `  ~ cannot be told apart: ${steps.join(', ')}`),
    ],
    [`noise ${profile.noise.value}: pooled standard deviation of the table ${pooledDeviation.toFixed(1)} cycles`],
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function rowLine({ name, measured, standardError, model, heldOut }: CalibrationReport['rows'][number]): string {
  const error = model - measured;
  const figures = `measured ${cycles(measured)} (s.e. ${standardError.toFixed(1)})  model ${cycles(model)}`;
  const difference = `${signed(error)} (${signed((error / measured) * 100)}%)`;
  return `  ${name.padEnd(12)} ${figures}  ${heldOut ? `held out: prediction error ${difference}` : difference}`;
}

function groupLines({ name, description, steps }: CalibratedGroup, style: Style): string[] {
  const sum = (of: (step: CalibratedStep) => number): number => steps.reduce((total, step) => total + of(step), 0);
  const totals = `${cycles(sum(({ suggested }) => suggested))} -> ${cycles(sum(({ fitted }) => fitted))}`;
  return [`${style.strong(name)}: ${totals}  ${style.faint(description)}`, ...steps.map(stepLine)];
}

/** `~`: the data cannot separate this step from others of its group. */
function stepLine({ name, suggested, fitted, range, insideRange }: CalibratedStep): string {
  const outside = insideRange ? '' : '  outside its range';
  return `  ~ ${name.padEnd(28)} ${cycles(suggested)} -> ${cycles(fitted)}  [${range[0]}, ${range[1]}]${outside}`;
}

function cycles(value: number): string {
  return value.toFixed(2).padStart(8);
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(2)}`;
}
