/**
 * Accesses to control registers in VMX non-root operation: which exit, and what guest/host masks and read shadows make
 * of the others (SDM vol. 3, 26.1.3, 26.3; qualification: table 28-3).
 */
import type { Cpu } from '../cpu/cpu.js';
import type { ActiveControls } from './active-controls.js';
import * as C from './controls.js';
import type { Vmcs } from './vmcs.js';
import { VMCS_FIELD } from './vmcs-field.js';

const TYPE_MOV_TO = 0;
const TYPE_MOV_FROM = 1;
const TYPE_CLTS = 2;

const CR0_PE = 1n;
const CR0_TS = 8n;
/** MP, EM, TS. */
const LMSW_BITS = 0xen;

/** Bits of CR0 or CR4 that the host owns. */
export function guestHostMask(vmcs: Vmcs, register: 0 | 4): bigint {
  return longBits(vmcs, register === 0 ? VMCS_FIELD.CR0_GUEST_HOST_MASK : VMCS_FIELD.CR4_GUEST_HOST_MASK);
}

/** What the guest reads of them. */
export function readShadow(vmcs: Vmcs, register: 0 | 4): bigint {
  return longBits(vmcs, register === 0 ? VMCS_FIELD.CR0_READ_SHADOW : VMCS_FIELD.CR4_READ_SHADOW);
}

function longBits(vmcs: Vmcs, field: number): bigint {
  return (BigInt(vmcs.readHigh(field)) << 32n) | BigInt(vmcs.read32(field));
}

/** Whether the access described by an exit qualification of reason 28 causes a VM exit. */
export function crAccessExits(cpu: Cpu, controls: ActiveControls, vmcs: Vmcs, qualification: number): boolean {
  const register = qualification & 15;
  const type = (qualification >>> 4) & 3;
  if (type === TYPE_CLTS) return (guestHostMask(vmcs, 0) & readShadow(vmcs, 0) & CR0_TS) !== 0n;
  if (type === TYPE_MOV_FROM) return movFromExits(controls, register);
  if (type === TYPE_MOV_TO) return movToExits(cpu, controls, vmcs, register, (qualification >>> 8) & 15);
  return lmswExits(vmcs, BigInt(qualification >>> 16));
}

function movFromExits(controls: ActiveControls, register: number): boolean {
  if (register === 3) return controls.has(C.CPU_BASED_CR3_STORE_EXITING);
  return register === 8 && controls.has(C.CPU_BASED_CR8_STORE_EXITING);
}

function movToExits(cpu: Cpu, controls: ActiveControls, vmcs: Vmcs, register: number, source: number): boolean {
  switch (register) {
    case 0:
      return ((cpu.gpr(source) ^ readShadow(vmcs, 0)) & guestHostMask(vmcs, 0)) !== 0n;
    case 3:
      return controls.has(C.CPU_BASED_CR3_LOAD_EXITING) && !isCr3Target(controls, vmcs, cpu.gprNumber(source));
    case 4:
      return ((cpu.gpr(source) ^ readShadow(vmcs, 4)) & guestHostMask(vmcs, 4)) !== 0n;
    default:
      return register === 8 && controls.has(C.CPU_BASED_CR8_LOAD_EXITING);
  }
}

function isCr3Target(controls: ActiveControls, vmcs: Vmcs, value: number): boolean {
  for (let index = 0; index < controls.cr3TargetCount; index++) {
    if (vmcs.readLong(VMCS_FIELD.CR3_TARGET_VALUE0 + 2 * index) === value) return true;
  }
  return false;
}

/** LMSW cannot clear PE; it exits when it would set a host-owned PE or change a host-owned MP, EM or TS. */
function lmswExits(vmcs: Vmcs, source: bigint): boolean {
  const mask = guestHostMask(vmcs, 0);
  const shadow = readShadow(vmcs, 0);
  if ((mask & source & ~shadow & CR0_PE) !== 0n) return true;
  return ((source ^ shadow) & mask & LMSW_BITS) !== 0n;
}
