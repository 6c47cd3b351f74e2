/**
 * What the processor keeps of the VMCS while it virtualizes an APIC: the controls, addresses and guest-interrupt state
 * of SDM vol. 3, chapter 30 ("APIC virtualization and virtual interrupts"), in the CPU's block, where the interpreter
 * consults and changes them.
 *
 * VM entry fills it from the VMCS and performs PPR virtualization and evaluation; VM exit writes RVI and SVI back.
 */
import * as L from '../cpu/layout.js';
import type { StateBlock } from '../cpu/state-block.js';

const EOI_EXIT_WORDS = 8;

/** Controls of an inactive control word are false here, whatever the VMCS says. Addresses are those of memory. */
export class VirtualizationState {
  readonly #cpu: StateBlock;
  /** EOI-exit bitmap (VMCS 201CH-2023H), 32 vectors per word. */
  readonly eoiExitBitmap: Uint32Array;
  /** Host-physical address of the APIC-access page (VMCS 2014H); -1 without "virtualize APIC accesses". */
  apicAccessPage = -1;

  constructor(cpu: StateBlock) {
    this.#cpu = cpu;
    this.eoiExitBitmap = new Uint32Array(cpu.memory.wasm.buffer, cpu.block + L.CPU_EOI_EXIT_BITMAP, EOI_EXIT_WORDS);
  }

  /** VIRTUALIZE_*: all controls at once. */
  get controls(): number {
    return this.#cpu.word(L.CPU_VIRTUALIZATION);
  }

  set controls(value: number) {
    this.#cpu.setWord(L.CPU_VIRTUALIZATION, value);
  }

  get tprShadow(): boolean {
    return (this.controls & L.VIRTUALIZE_TPR_SHADOW) !== 0;
  }

  get virtualizeApicAccesses(): boolean {
    return (this.controls & L.VIRTUALIZE_APIC_ACCESSES) !== 0;
  }

  get virtualizeX2apic(): boolean {
    return (this.controls & L.VIRTUALIZE_X2APIC_MODE) !== 0;
  }

  get apicRegisterVirtualization(): boolean {
    return (this.controls & L.VIRTUALIZE_APIC_REGISTERS) !== 0;
  }

  get virtualInterruptDelivery(): boolean {
    return (this.controls & L.VIRTUALIZE_INTERRUPT_DELIVERY) !== 0;
  }

  get processPostedInterrupts(): boolean {
    return (this.controls & L.VIRTUALIZE_POSTED_INTERRUPTS) !== 0;
  }

  get ipiVirtualization(): boolean {
    return (this.controls & L.VIRTUALIZE_IPIS) !== 0;
  }

  get externalInterruptExiting(): boolean {
    return (this.controls & L.VIRTUALIZE_WITH_INTERRUPT_EXITS) !== 0;
  }

  get ackOnExit(): boolean {
    return (this.controls & L.VIRTUALIZE_WITH_ACKNOWLEDGE) !== 0;
  }

  get interruptWindowExiting(): boolean {
    return (this.controls & L.VIRTUALIZE_WITH_WINDOW_EXITS) !== 0;
  }

  get useMsrBitmaps(): boolean {
    return (this.controls & L.VIRTUALIZE_WITH_MSR_BITMAPS) !== 0;
  }

  /** Host-physical address of the virtual-APIC page (VMCS 2012H). */
  get virtualApicPage(): number {
    return this.#cpu.long(L.CPU_VIRTUAL_APIC_PAGE);
  }

  set virtualApicPage(address: number) {
    this.#cpu.setLong(L.CPU_VIRTUAL_APIC_PAGE, address);
  }

  /** Host-physical address of the posted-interrupt descriptor (VMCS 2016H). */
  set descriptor(address: number) {
    this.#cpu.setLong(L.CPU_DESCRIPTOR, address);
  }

  /** Host-physical address of the PID-pointer table (VMCS 2042H). */
  set pidPointerTable(address: number) {
    this.#cpu.setLong(L.CPU_PID_POINTER_TABLE, address);
  }

  /** Host-physical address of the MSR bitmaps (VMCS 2004H). */
  get msrBitmap(): number {
    return this.#cpu.long(L.CPU_MSR_BITMAP);
  }

  set msrBitmap(address: number) {
    this.#cpu.setLong(L.CPU_MSR_BITMAP, address);
  }

  /** Last PID-pointer index (VMCS 0008H), inclusive. */
  set lastPidPointerIndex(index: number) {
    this.#cpu.setWord(L.CPU_LAST_PID_POINTER_INDEX, index);
  }

  /** Posted-interrupt notification vector (VMCS 0002H). */
  get notificationVector(): number {
    return this.#cpu.word(L.CPU_NOTIFICATION_VECTOR);
  }

  set notificationVector(vector: number) {
    this.#cpu.setWord(L.CPU_NOTIFICATION_VECTOR, vector);
  }

  /** TPR threshold (VMCS 401CH), bits 3:0. */
  set tprThreshold(threshold: number) {
    this.#cpu.setWord(L.CPU_TPR_THRESHOLD, threshold);
  }

  /** Requesting virtual interrupt: bits 7:0 of the guest interrupt status (VMCS 0810H). */
  get rvi(): number {
    return this.#cpu.word(L.CPU_RVI);
  }

  set rvi(vector: number) {
    this.#cpu.setWord(L.CPU_RVI, vector);
  }

  /** Servicing virtual interrupt: bits 15:8 of the guest interrupt status. */
  get svi(): number {
    return this.#cpu.word(L.CPU_SVI);
  }

  set svi(vector: number) {
    this.#cpu.setWord(L.CPU_SVI, vector);
  }

  /** A pending virtual interrupt is recognized (SDM 30.2.1). */
  get recognized(): boolean {
    return this.#cpu.word(L.CPU_RECOGNIZED) !== 0;
  }

  set recognized(value: boolean) {
    this.#cpu.setWord(L.CPU_RECOGNIZED, value ? 1 : 0);
  }
}
