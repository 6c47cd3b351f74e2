/**
 * The posted-interrupt descriptor (SDM vol. 3, table 30-1): 64 bytes, aligned on 64, so one cache line.
 *
 *   bits 255:0     PIR, posted-interrupt requests, one bit per vector
 *   bit  256       ON, outstanding notification
 *   bit  257       SN, suppress notification
 *   bits 279:272   NV, notification vector that senders use
 *   bits 319:288   NDST, physical APIC ID that senders notify; with a host in xAPIC mode the ID is in bits 303:296
 *
 * Functions take the address of the descriptor and act at once; the caller holds its line for writing.
 */
import { testVector } from '../apic/vectors.js';
import type { PhysicalMemory } from '../memory/physical-memory.js';

export const DESCRIPTOR_SIZE = 64;

const PIR_WORDS = 8;
const CONTROL = 32;
const NDST = 36;
const ON = 1;
const SN = 2;
const NV_SHIFT = 16;

function pir(memory: PhysicalMemory, descriptor: number): number {
  return memory.wordAt(descriptor);
}

/** PIR[vector] := 1; returns whether it was set before. */
export function testAndSetPir(memory: PhysicalMemory, descriptor: number, vector: number): boolean {
  const word = descriptor + 4 * (vector >>> 5);
  const requests = memory.read32(word);
  const request = 1 << (vector & 31);
  memory.write32(word, requests | request);
  return (requests & request) !== 0;
}

export function testPir(memory: PhysicalMemory, descriptor: number, vector: number): boolean {
  return testVector(memory.u32, pir(memory, descriptor), 1, vector);
}

/** Takes 32 vectors (word 0 to 7) out of the PIR. */
export function exchangePirWord(memory: PhysicalMemory, descriptor: number, word: number): number {
  const requests = memory.read32(descriptor + 4 * word);
  if (requests !== 0) memory.write32(descriptor + 4 * word, 0);
  return requests;
}

export function isPirEmpty(memory: PhysicalMemory, descriptor: number): boolean {
  for (let word = 0; word < PIR_WORDS; word++) {
    if (memory.read32(descriptor + 4 * word) !== 0) return false;
  }
  return true;
}

export function outstandingNotification(memory: PhysicalMemory, descriptor: number): boolean {
  return (memory.read32(descriptor + CONTROL) & ON) !== 0;
}

export function setOutstandingNotification(memory: PhysicalMemory, descriptor: number, on: boolean): void {
  setControl(memory, descriptor, ON, on ? ON : 0);
}

export function suppressNotification(memory: PhysicalMemory, descriptor: number): boolean {
  return (memory.read32(descriptor + CONTROL) & SN) !== 0;
}

export function setSuppressNotification(memory: PhysicalMemory, descriptor: number, suppress: boolean): void {
  setControl(memory, descriptor, SN, suppress ? SN : 0);
}

export function notificationVectorOf(memory: PhysicalMemory, descriptor: number): number {
  return (memory.read32(descriptor + CONTROL) >>> NV_SHIFT) & 0xff;
}

export function setNotificationVector(memory: PhysicalMemory, descriptor: number, vector: number): void {
  setControl(memory, descriptor, 0xff << NV_SHIFT, vector << NV_SHIFT);
}

/** NDST, all 32 bits. */
export function notificationDestination(memory: PhysicalMemory, descriptor: number): number {
  return memory.read32(descriptor + NDST);
}

export function setNotificationDestination(memory: PhysicalMemory, descriptor: number, destination: number): void {
  memory.write32(descriptor + NDST, destination);
}

/** The NDST that names physical APIC ID `apicId`, for a host in the given mode. */
export function encodeDestination(apicId: number, hostX2apic: boolean): number {
  return hostX2apic ? apicId : (apicId & 0xff) << 8;
}

function setControl(memory: PhysicalMemory, descriptor: number, mask: number, bits: number): void {
  memory.write32(descriptor + CONTROL, (memory.read32(descriptor + CONTROL) & ~mask) | bits);
}
