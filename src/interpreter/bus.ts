// Fixed interrupts between local APICs: see hardware/apic/bus.ts.
import { STEP_IPI_FLIGHT } from '../cost/step-numbers';
import { APIC_BASE_EXTD, APIC_ICR, APIC_ICR_HIGH } from '../hardware/apic/registers';
import {
  APIC_IDS,
  CPU_APIC_BASE,
  CPU_APIC_REGISTERS,
  ORDER_CPUS,
  ORDER_CPU_OF_APIC_ID,
  ORDER_FLIGHT_LATENCY,
  ORDER_OBSERVED,
} from '../hardware/cpu/layout';
import { record } from './cost';
import { scheduleArrival } from './events';
import { accept, requestsService } from './local-apic';
import { idOf, timeOf, wake } from './order';

const ICR = CPU_APIC_REGISTERS + (APIC_ICR >> 2);
const ICR_HIGH = CPU_APIC_REGISTERS + (APIC_ICR_HIGH >> 2);
const FIRST_LEGAL_VECTOR: u32 = 16;

function flightLatency(from: u32, to: u32): f64 {
  return load<f64>(load<u32>(ORDER_FLIGHT_LATENCY) + ((from * load<u32>(ORDER_CPUS) + to) << 3));
}

/** The only CPU with this APIC ID, or 0. */
function cpuOf(id: u32): usize {
  if (id >= u32(APIC_IDS)) return 0;
  return load<u32>(ORDER_CPU_OF_APIC_ID + (id << 2));
}

/** An edge-triggered interrupt reaches its target at time `at`. */
export function arrive(target: usize, vector: u32, at: f64): void {
  accept(target, vector, false);
  if (requestsService(target)) wake(target, at);
}

/**
 * `from` sends a fixed, edge-triggered interrupt with a legal vector: an act. It does not travel to `from` itself. False:
 * too many are under way, nothing has happened.
 */
export function send(from: usize, target: usize, vector: u32): bool {
  const now = timeOf(from);
  if (from == target) {
    arrive(target, vector, now);
    return true;
  }
  const flight = flightLatency(idOf(from), idOf(target));
  if (!scheduleArrival(now + flight, target, vector)) return false;
  record(from, STEP_IPI_FLIGHT, flight);
  return true;
}

/**
 * Microcode sends a fixed, edge-triggered interrupt to a physical destination, by way of the physical ICR in the mode of the
 * physical APIC; `destination` is as in a posted-interrupt descriptor (NDST). False: this is not the plain case, nothing
 * has happened.
 */
export function sendFixed(cpu: usize, vector: u32, destination: u32): bool {
  if (vector < FIRST_LEGAL_VECTOR || load<u32>(ORDER_OBSERVED) != 0) return false;
  const isX2apic = (load<u32>(cpu, CPU_APIC_BASE) & APIC_BASE_EXTD) != 0;
  const id = isX2apic ? destination : (destination >> 8) & 0xff;
  const target = cpuOf(id);
  if (target == 0 || !send(cpu, target, vector)) return false;
  store<u32>(cpu, vector, ICR);
  store<u32>(cpu, isX2apic ? id : id << 24, ICR_HIGH);
  return true;
}
