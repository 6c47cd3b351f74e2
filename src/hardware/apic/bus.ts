import type { Cpu } from '../cpu/cpu.js';
import type { Latency } from '../memory/lines.js';
import type { ApicEffect, ApicMessage } from './message.js';

export class Bus {
  readonly latency: Latency;
  constructor(latency: Latency) {
    this.latency = latency;
  }
  add(_cpu: Cpu): void {}
  send(_from: Cpu, _message: ApicMessage): void {}
  /** Carries out what a register write means; false = #GP(0). */
  route(_from: Cpu, effect: ApicEffect): boolean {
    return effect.kind !== 'general-protection';
  }
}
