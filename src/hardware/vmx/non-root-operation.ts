/**
 * VMX non-root operation of one logical processor (SDM vol. 3, chapter 26).
 */
import type { Cpu } from '../cpu/cpu.js';
import type { NonRoot } from '../cpu/non-root.js';
import { PASS, type Outcome } from '../cpu/outcome.js';

export class NonRootOperation implements NonRoot {
  readonly #cpu: Cpu;
  readonly attention = false;
  readonly virtualApicPage = 0;
  readonly apicAccessPage = -1;
  readonly eptRoot = -1;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  boundary(): Outcome {
    return this.#cpu.nonRoot === null ? PASS : PASS;
  }

  intercept(_reason: number, _qualification: number, _length: number, _info = 0): Outcome {
    return PASS;
  }

  rdmsr(_msr: number, _length: number): Outcome {
    return PASS;
  }

  wrmsr(_msr: number, _hi: number, _lo: number, _length: number): Outcome {
    return PASS;
  }

  shadowedCr(_cr: 0 | 4, actual: bigint): bigint {
    return actual;
  }

  mergedCr(_cr: 0 | 4, _actual: bigint, written: bigint): bigint {
    return written;
  }

  readCr8(): number {
    return -1;
  }

  writeCr8(_value: number, _length: number): Outcome {
    return PASS;
  }

  exception(_vector: number, _errorCode: number | null, _address: number, _type: number, _length: number): Outcome {
    return PASS;
  }

  tripleFault(): Outcome {
    return PASS;
  }

  apicAccess(_offset: number, _size: number, _access: number): Outcome {
    return PASS;
  }

  apicWriteEmulation(_offset: number): Outcome {
    return PASS;
  }

  eptEvent(): Outcome {
    return PASS;
  }

  senduipi(_notificationVector: number, _notificationDestination: number): Outcome {
    return PASS;
  }
}
