import type { WorkerTask } from './engine.js';
import { executeUnit, type UnitResult } from './execute-unit.js';

/** Entry point of a worker thread. */
export default function work({ interpreter, unit }: WorkerTask): UnitResult {
  return executeUnit(interpreter, unit);
}
