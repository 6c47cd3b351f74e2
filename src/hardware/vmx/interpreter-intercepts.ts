/**
 * What the interpreter has to know of VMX controls for RDTSC, PAUSE and HLT, which it executes itself (SDM vol. 3, 26.1.3).
 */
import { TICKS_PER_CYCLE } from '../../cost/step.js';
import { CR4_TSD } from '../cpu/control-register-bits.js';
import type { Cpu } from '../cpu/cpu.js';
import * as L from '../cpu/layout.js';
import type { ActiveControls } from './active-controls.js';
import * as C from './controls.js';

/** PLE_Gap and PLE_Window have been read anew. */
export function setPauseLoop(cpu: Cpu, { pleGap, pleWindow }: ActiveControls): void {
  cpu.setLong(L.CPU_PLE_GAP, pleGap * TICKS_PER_CYCLE);
  cpu.setLong(L.CPU_PLE_WINDOW, pleWindow * TICKS_PER_CYCLE);
}

/** VM entry: no PAUSE has been executed yet. */
export function startInterception(cpu: Cpu, controls: ActiveControls): void {
  const tsd = (cpu.cr4 & CR4_TSD) !== 0;
  cpu.setWord(L.CPU_RDTSC_SLOW, tsd || controls.has(C.CPU_BASED_RDTSC_EXITING) ? 1 : 0);
  cpu.setWord(L.CPU_PAUSE_SLOW, controls.has(C.CPU_BASED_PAUSE_EXITING) ? 1 : 0);
  cpu.setWord(L.CPU_HLT_EXITS, controls.has(C.CPU_BASED_HLT_EXITING) ? 1 : 0);
  const pauseLoop = controls.has2(C.SECONDARY_EXEC_PAUSE_LOOP_EXITING);
  cpu.setWord(L.CPU_PLE_ON, pauseLoop ? 1 : 0);
  if (!pauseLoop) return;
  cpu.setLong(L.CPU_PLE_FIRST, 0);
  cpu.setLong(L.CPU_PLE_LAST, 0);
}

/** VM exit. */
export function stopInterception(cpu: Cpu): void {
  cpu.setWord(L.CPU_RDTSC_SLOW, (cpu.cr4 & CR4_TSD) !== 0 ? 1 : 0);
  cpu.setWord(L.CPU_PAUSE_SLOW, 0);
  cpu.setWord(L.CPU_HLT_EXITS, 0);
  cpu.setWord(L.CPU_PLE_ON, 0);
}
