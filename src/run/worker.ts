/** Entry point of a worker thread: runs each unit that it is sent, with the interpreter that it was started with. */
import { parentPort, workerData } from 'node:worker_threads';
import { executeUnit } from './execute-unit.js';
import type { Unit } from './plan.js';

const interpreter = workerData as WebAssembly.Module;

parentPort?.on('message', (unit: Unit) => {
  parentPort?.postMessage(executeUnit(interpreter, unit));
});
