// Fixed interrupts and NMIs between local APICs: see hardware/apic/bus.ts.
import { STEP_IPI_FLIGHT } from '../cost/step-numbers';
import {
  APIC_BASE_EXTD,
  APIC_ICR,
  APIC_ICR_HIGH,
  FIRST_LEGAL_VECTOR,
  ICR_BUSY,
  ICR_DELIVERY_MODE,
  ICR_LEVEL,
  ICR_LOGICAL,
  ICR_NMI,
  ICR_SHORTHAND,
} from '../hardware/apic/registers';
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
import { latchNmi } from './nmi';
import { idOf, timeOf, wake } from './order';

const ICR = CPU_APIC_REGISTERS + (APIC_ICR >> 2);
const ICR_HIGH = CPU_APIC_REGISTERS + (APIC_ICR_HIGH >> 2);

function flightLatency(from: u32, to: u32): f64 {
  return load<f64>(load<u32>(ORDER_FLIGHT_LATENCY) + ((from * load<u32>(ORDER_CPUS) + to) << 3));
}

/** The only CPU with this APIC ID, or 0. */
function cpuOf(id: u32): usize {
  if (id >= u32(APIC_IDS)) return 0;
  return load<u32>(ORDER_CPU_OF_APIC_ID + (id << 2));
}

/** An edge-triggered interrupt, or an NMI, reaches its target at time `at`. `message`: as for `send`. */
export function arrive(target: usize, message: u32, at: f64): void {
  if ((message & ICR_DELIVERY_MODE) == ICR_NMI) {
    latchNmi(target);
    wake(target, at);
    return;
  }
  accept(target, message, false);
  if (requestsService(target)) wake(target, at);
}

/**
 * `from` sends a fixed, edge-triggered interrupt with a legal vector, or an NMI: an act. `message`: delivery mode and vector as
 * in the ICR. It does not travel to `from` itself. False: too many are under way, nothing has happened.
 */
export function send(from: usize, target: usize, message: u32): bool {
  const now = timeOf(from);
  if (from == target) {
    arrive(target, message, now);
    return true;
  }
  const flight = flightLatency(idOf(from), idOf(target));
  if (!scheduleArrival(now + flight, target, message)) return false;
  record(from, STEP_IPI_FLIGHT, flight);
  return true;
}

/**
 * A store to the xAPIC's ICR, low half, that sends a fixed interrupt or an NMI to the one CPU of a physical destination. False:
 * this is not the plain case, nothing has happened.
 */
export function sendCommand(cpu: usize, low: u32): bool {
  if ((low & (ICR_SHORTHAND | ICR_LOGICAL | ICR_LEVEL)) != 0 || load<u32>(ORDER_OBSERVED) != 0) return false;
  const message = low & (ICR_DELIVERY_MODE | 0xff);
  const isFixed = message >= u32(FIRST_LEGAL_VECTOR) && message <= 0xff;
  if (!isFixed && (message & ICR_DELIVERY_MODE) != ICR_NMI) return false;
  const target = cpuOf(load<u32>(cpu, ICR_HIGH) >> 24);
  if (target == 0 || !send(cpu, target, message)) return false;
  store<u32>(cpu, low & ~ICR_BUSY, ICR);
  return true;
}

/**
 * Microcode sends a fixed, edge-triggered interrupt to a physical destination, by way of the physical ICR in the mode of the
 * physical APIC; `destination` is as in a posted-interrupt descriptor (NDST). False: this is not the plain case, nothing
 * has happened.
 */
export function sendFixed(cpu: usize, vector: u32, destination: u32): bool {
  if (vector < u32(FIRST_LEGAL_VECTOR) || load<u32>(ORDER_OBSERVED) != 0) return false;
  const isX2apic = (load<u32>(cpu, CPU_APIC_BASE) & APIC_BASE_EXTD) != 0;
  const id = isX2apic ? destination : (destination >> 8) & 0xff;
  const target = cpuOf(id);
  if (target == 0 || !send(cpu, target, vector)) return false;
  store<u32>(cpu, vector, ICR);
  store<u32>(cpu, isX2apic ? id : id << 24, ICR_HIGH);
  return true;
}
