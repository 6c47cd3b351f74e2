import type { Cpu } from './cpu.js';

export const LOCAL_APIC_PAGE_SIZE = 4096;

export function accessDevice(_cpu: Cpu, _offset: number, _bytes: Uint8Array, _write: boolean): void {}
