/**
 * The state of a processor after INIT, and its start by a start-up IPI (SDM vol. 3, table 10-1 and 9.4.4).
 */
import { ACTIVITY_ACTIVE, ACTIVITY_WAIT_FOR_SIPI } from './activity.js';
import { CR0_CD, CR0_ET, CR0_NW } from './control-register-bits.js';
import type { Cpu } from './cpu.js';
import { CPU_FS_BASE, CPU_GPR, CPU_GS_BASE, CPU_RDTSC_SLOW } from './layout.js';
import { updateMode } from './mode.js';
import { RFLAGS_FIXED } from './rflags.js';
import { SEGMENT_CS, SEGMENT_LDTR, SEGMENT_TR, type Segment } from './segments.js';

const RDX = 2;
const RESET_VECTOR = 0xfff0;
const LIMIT_64K = 0xffff;
/** Present, data, writable, accessed. */
const ACCESS_DATA = 0x93;
/** Present, code, readable, accessed. */
const ACCESS_CODE = 0x9b;
const ACCESS_LDT = 0x82;
const ACCESS_BUSY_TSS = 0x8b;

/** INIT: everything but the MSRs, the TSC and the caches; then the processor waits for a SIPI. */
export function initialize(cpu: Cpu): void {
  for (let register = 0; register < 16; register++) cpu.setLong(CPU_GPR + register * 8, 0);
  cpu.setGprWords(RDX, 0, cpu.features.signature);
  cpu.rip = RESET_VECTOR;
  cpu.cr0 = (cpu.cr0 & (CR0_CD | CR0_NW)) | CR0_ET;
  cpu.cr2 = 0;
  cpu.cr3 = 0;
  cpu.cr4 = 0;
  cpu.eferLow = 0;
  cpu.dr.reset();
  cpu.setWord(CPU_RDTSC_SLOW, 0);
  initializeSegments(cpu);
  cpu.cpl = 0;
  cpu.rflags = RFLAGS_FIXED;
  cpu.shadow = 0;
  cpu.nmiBlocked = false;
  cpu.nmiPending = false;
  cpu.injected = null;
  cpu.debugExceptions.pending = 0;
  cpu.monitoredLine = -1;
  cpu.userInterrupts.uif = false;
  cpu.flushTlbs();
  updateMode(cpu);
  cpu.apic.reset();
  cpu.activity = ACTIVITY_WAIT_FOR_SIPI;
}

function initializeSegments(cpu: Cpu): void {
  for (const segment of cpu.segments) fill(segment, 0, 0, ACCESS_DATA);
  fill(cpu.segments[SEGMENT_CS], 0xf000, 0xffff_0000, ACCESS_CODE);
  fill(cpu.segments[SEGMENT_LDTR], 0, 0, ACCESS_LDT);
  fill(cpu.segments[SEGMENT_TR], 0, 0, ACCESS_BUSY_TSS);
  cpu.setLong(CPU_FS_BASE, 0);
  cpu.setLong(CPU_GS_BASE, 0);
  cpu.gdtr.base = 0;
  cpu.gdtr.limit = LIMIT_64K;
  cpu.idtr.base = 0;
  cpu.idtr.limit = LIMIT_64K;
}

function fill(segment: Segment, selector: number, base: number, access: number): void {
  segment.selector = selector;
  segment.base = base;
  segment.limit = LIMIT_64K;
  segment.access = access;
}

/** SIPI with `vector`: real mode at vector * 1000H. */
export function startUp(cpu: Cpu, vector: number): void {
  fill(cpu.segments[SEGMENT_CS], vector << 8, vector << 12, ACCESS_CODE);
  cpu.rip = 0;
  cpu.activity = ACTIVITY_ACTIVE;
}
