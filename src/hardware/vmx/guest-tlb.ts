/**
 * What address translation goes by in VMX non-root operation, and what VM entries and exits leave of cached translations (SDM
 * vol. 3, 29.4.3). The CPU's TLB holds one set: it survives
 * from one guest run to the next when VPID and EPT pointer are the same and nothing else that an entry was made from
 * has changed. Flushing more than architecture demands costs no simulated time.
 */
import type { Cpu } from '../cpu/cpu.js';
import { CPU_CR4_PGE_TOGGLES, CPU_GUEST_APIC_PAGE, CPU_MODE } from '../cpu/layout.js';
import type { ActiveControls } from './active-controls.js';

export class GuestTlb {
  readonly #cpu: Cpu;
  /** 0 = nothing to keep. */
  #vpid = 0;
  #eptRoot = -1;
  #apicAccessPage = -1;
  #cr0 = 0;
  #cr3 = 0;
  #cr4 = 0;
  #efer = 0;
  #mode = 0;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  /** VM entry, guest state loaded. */
  enter(controls: ActiveControls, apicAccessPage: number): void {
    if (!this.#isCurrent(controls, apicAccessPage)) this.#cpu.flushTlbs();
    this.#vpid = controls.vpid;
    this.#eptRoot = controls.eptRoot;
    this.#apicAccessPage = apicAccessPage;
    this.#note();
    this.#cpu.setWord(CPU_CR4_PGE_TOGGLES, 0);
    this.#cpu.eptRoot = controls.eptRoot;
    this.#cpu.setLong(CPU_GUEST_APIC_PAGE, apicAccessPage);
  }

  #isCurrent(controls: ActiveControls, apicAccessPage: number): boolean {
    const cpu = this.#cpu;
    if (controls.vpid === 0 || controls.vpid !== this.#vpid) return false;
    if (controls.eptRoot !== this.#eptRoot || apicAccessPage !== this.#apicAccessPage) return false;
    if (cpu.cr0 !== this.#cr0 || cpu.cr3 !== this.#cr3 || cpu.cr4 !== this.#cr4) return false;
    return cpu.eferLow === this.#efer && cpu.word(CPU_MODE) === this.#mode;
  }

  /** VM exit, guest state not yet replaced. Machine code in root operation has translations of its own. */
  exit(): void {
    const cpu = this.#cpu;
    this.#note();
    cpu.setWord(CPU_CR4_PGE_TOGGLES, 0);
    cpu.eptRoot = -1;
    cpu.setLong(CPU_GUEST_APIC_PAGE, -1);
    if (this.#vpid === 0 || cpu.rootSoftware === null) this.forget();
  }

  #note(): void {
    const cpu = this.#cpu;
    this.#cr0 = cpu.cr0;
    this.#cr3 = cpu.cr3;
    this.#cr4 = cpu.cr4;
    this.#efer = cpu.eferLow;
    this.#mode = cpu.word(CPU_MODE);
  }

  /** What is cached may be used by the next guest run, if nothing else has changed. */
  get isKept(): boolean {
    return this.#vpid !== 0;
  }

  /** Nothing cached may be used again: INVEPT, INVVPID, VMXOFF. */
  forget(): void {
    this.#vpid = 0;
    this.#cpu.flushTlbs();
  }
}
