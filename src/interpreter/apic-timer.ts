// The current count of the local APIC's timer (SDM vol. 3, 12.5.4). When the timer counts, and what comes of it, is in
// hardware/apic/timer.ts.
import { APIC_INITIAL_COUNT, TIMER_PERIODIC } from '../hardware/apic/registers';
import { CPU_APIC_REGISTERS, CPU_TIMER_MODE, CPU_TIMER_PACE, CPU_TIMER_START } from '../hardware/cpu/layout';

/** What is left of the initial count at time `now`. */
export function currentCount(cpu: usize, now: f64): u32 {
  const pace = load<f64>(cpu, CPU_TIMER_PACE);
  if (pace == 0) return 0;
  const initial = u64(load<u32>(cpu, CPU_APIC_REGISTERS + (APIC_INITIAL_COUNT >> 2)));
  const passed = u64((now - load<f64>(cpu, CPU_TIMER_START)) / pace);
  if (load<u32>(cpu, CPU_TIMER_MODE) == TIMER_PERIODIC) return u32(initial - (passed % initial));
  return passed < initial ? u32(initial - passed) : 0;
}
