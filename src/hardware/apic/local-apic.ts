import type { ApicEffect } from './message.js';
import type { Clock } from '../clock/clock.js';

/** What a local APIC needs of its processor. */
export interface ApicOwner {
  readonly id: number;
  readonly apicId: number;
  readonly now: number;
  readonly clock: Pick<Clock, 'schedule'>;
  attention: boolean;
  wake(at: number): void;
}

export class LocalApic {
  readonly owner: ApicOwner;
  constructor(owner: ApicOwner) {
    this.owner = owner;
  }
  get requestsService(): boolean {
    return false;
  }
  get x2apic(): boolean {
    return false;
  }
  get enabled(): boolean {
    return true;
  }
  get basePage(): number {
    return -1;
  }
  get apicBase(): number {
    return 0;
  }
  writeApicBase(_hi: number, _lo: number): ApicEffect {
    return { kind: 'none' };
  }
  /** Vector that `acknowledge` would return. */
  get pendingVector(): number {
    return 0;
  }
  acknowledge(): number {
    return 0;
  }
  accept(_vector: number, _level: boolean): void {}
  eoi(): ApicEffect {
    return { kind: 'none' };
  }
  readRegister(_offset: number): number {
    return 0;
  }
  writeRegister(_offset: number, _value: number): ApicEffect {
    return { kind: 'none' };
  }
  readMsr(_msr: number): { hi: number; lo: number } | null {
    return null;
  }
  writeMsr(_msr: number, _hi: number, _lo: number): ApicEffect {
    return { kind: 'none' };
  }
}
