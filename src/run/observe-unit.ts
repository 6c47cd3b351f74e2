import { observeImageCase } from '../machine/image-case.js';
import { runMachine } from '../machine/machine.js';
import { GuestFailure } from '../machine/machine-result.js';
import type { Observer } from '../machine/observer.js';
import type { Unit } from './plan.js';

/**
 * Runs a unit under the eyes of `observer`, an image until it is done. A guest that fails is a result: what was seen up to
 * there counts.
 */
export function observeUnit(
  interpreter: WebAssembly.Module,
  unit: Unit,
  observer: Observer & { readonly isDone: boolean },
): GuestFailure | null {
  const inputs = { interpreter, costs: unit.costs };
  try {
    if ('image' in unit) observeImageCase(unit.image, unit.options, inputs, observer);
    else runMachine(unit.options, inputs, observer);
    return null;
  } catch (error) {
    if (!(error instanceof GuestFailure)) throw error;
    return error;
  }
}
