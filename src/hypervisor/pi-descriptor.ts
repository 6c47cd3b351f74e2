/**
 * Software's view of one posted-interrupt descriptor (struct pi_desc, posted_intr.h). Raw accessors: the caller holds
 * the descriptor's line.
 */
import * as D from '../hardware/vmx/posted-interrupt-descriptor.js';
import type { PhysicalMemory } from '../hardware/memory/physical-memory.js';

export class PiDescriptor {
  readonly #memory: PhysicalMemory;
  /** Host-physical address. */
  readonly address: number;

  constructor(memory: PhysicalMemory, address: number) {
    this.#memory = memory;
    this.address = address;
  }

  get on(): boolean {
    return D.outstandingNotification(this.#memory, this.address);
  }

  set on(value: boolean) {
    D.setOutstandingNotification(this.#memory, this.address, value);
  }

  get sn(): boolean {
    return D.suppressNotification(this.#memory, this.address);
  }

  set sn(value: boolean) {
    D.setSuppressNotification(this.#memory, this.address, value);
  }

  /** Vector that hardware senders notify with. */
  get nv(): number {
    return D.notificationVectorOf(this.#memory, this.address);
  }

  set nv(value: number) {
    D.setNotificationVector(this.#memory, this.address, value);
  }

  /** Host APIC ID that hardware senders notify, in the format of the host's APIC mode. */
  get ndst(): number {
    return D.notificationDestination(this.#memory, this.address);
  }

  set ndst(value: number) {
    D.setNotificationDestination(this.#memory, this.address, value);
  }

  get pirEmpty(): boolean {
    return D.isPirEmpty(this.#memory, this.address);
  }

  /** PIR[vector] := 1; true if it was set before. */
  testAndSetPir(vector: number): boolean {
    return D.testAndSetPir(this.#memory, this.address, vector);
  }

  /** Takes 32 vectors (word 0 to 7) out of the PIR. */
  takePir(word: number): number {
    return D.exchangePirWord(this.#memory, this.address, word);
  }
}
