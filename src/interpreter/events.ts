// Events in order of (time, number). Those of the host stand in its own queue (hardware/clock), of which only the first is
// known here; arrivals of fixed interrupts and NMIs, which need no host, stand here, in a binary heap. Numbers are common to both.
import {
  ARRIVAL_AT,
  ARRIVAL_NUMBER,
  ARRIVAL_SIZE,
  ARRIVAL_TARGET,
  ARRIVAL_MESSAGE,
  MOST_ARRIVALS,
  ORDER_ARRIVALS,
  ORDER_ARRIVAL_COUNT,
  ORDER_EVENT_NUMBER,
  ORDER_HOST_EVENT,
  ORDER_HOST_EVENT_NUMBER,
  ORDER_LIMIT,
  ORDER_NEXT_EVENT,
} from '../hardware/cpu/layout';
import { arrive } from './bus';
import { settleOne } from './order';
import { earlier } from './ticks';

// @ts-ignore: decorator
@inline
function arrivalCount(): u32 {
  return load<u32>(ORDER_ARRIVAL_COUNT);
}

// @ts-ignore: decorator
@inline
function entryOf(index: u32): usize {
  return ORDER_ARRIVALS + index * ARRIVAL_SIZE;
}

function precedes(entry: usize, at: f64, number: f64): bool {
  const time = load<f64>(entry, ARRIVAL_AT);
  return time < at || (time == at && load<f64>(entry, ARRIVAL_NUMBER) < number);
}

function isInOrder(first: usize, second: usize): bool {
  return precedes(first, load<f64>(second, ARRIVAL_AT), load<f64>(second, ARRIVAL_NUMBER));
}

function noteNextEvent(): void {
  const arrival = arrivalCount() == 0 ? Infinity : load<f64>(ORDER_ARRIVALS, ARRIVAL_AT);
  store<f64>(ORDER_NEXT_EVENT, earlier(arrival, load<f64>(ORDER_HOST_EVENT)));
}

/** The host's first event is due at `at`. */
export function noteHostEvent(at: f64, number: f64): void {
  store<f64>(ORDER_HOST_EVENT, at);
  store<f64>(ORDER_HOST_EVENT_NUMBER, number);
  noteNextEvent();
}

/** The next event is an arrival, not one of the host. */
export function isArrivalNext(): bool {
  if (arrivalCount() == 0) return false;
  return precedes(ORDER_ARRIVALS, load<f64>(ORDER_HOST_EVENT), load<f64>(ORDER_HOST_EVENT_NUMBER));
}

/** A message of `send` is going to arrive. False: there is no room, nothing has happened. */
export function scheduleArrival(at: f64, target: usize, message: u32): bool {
  const count = arrivalCount();
  if (count == MOST_ARRIVALS) return false;
  const number = load<f64>(ORDER_EVENT_NUMBER);
  store<f64>(ORDER_EVENT_NUMBER, number + 1);
  store<u32>(ORDER_ARRIVAL_COUNT, count + 1);
  put(rise(count, at, number), at, number, target, message);
  noteNextEvent();
  if (at < load<f64>(ORDER_LIMIT)) store<f64>(ORDER_LIMIT, at);
  return true;
}

function put(entry: usize, at: f64, number: f64, target: usize, message: u32): void {
  store<f64>(entry, at, ARRIVAL_AT);
  store<f64>(entry, number, ARRIVAL_NUMBER);
  store<u32>(entry, u32(target), ARRIVAL_TARGET);
  store<u32>(entry, message, ARRIVAL_MESSAGE);
}

function move(to: usize, from: usize): void {
  store<u64>(to, load<u64>(from));
  store<u64>(to, load<u64>(from, 8), 8);
  store<u64>(to, load<u64>(from, 16), 16);
}

/** Moves the hole at `index` towards the root, to where an arrival at (at, number) belongs. */
function rise(index: u32, at: f64, number: f64): usize {
  let hole = index;
  while (hole > 0) {
    const parent = (hole - 1) >> 1;
    if (precedes(entryOf(parent), at, number)) break;
    move(entryOf(hole), entryOf(parent));
    hole = parent;
  }
  return entryOf(hole);
}

/** Removes the first arrival; the last one sinks from the root to where it belongs. */
function removeFirst(): void {
  const count = arrivalCount() - 1;
  store<u32>(ORDER_ARRIVAL_COUNT, count);
  const last = entryOf(count);
  let hole: u32 = 0;
  while (true) {
    let child: u32 = 2 * hole + 1;
    if (child >= count) break;
    if (child + 1 < count && isInOrder(entryOf(child + 1), entryOf(child))) child++;
    if (!isInOrder(entryOf(child), last)) break;
    move(entryOf(hole), entryOf(child));
    hole = child;
  }
  move(entryOf(hole), last);
  noteNextEvent();
}

/** The first arrival takes place, unless its target has to run first. */
export function handleArrival(): void {
  const at = load<f64>(ORDER_ARRIVALS, ARRIVAL_AT);
  const target = load<u32>(ORDER_ARRIVALS, ARRIVAL_TARGET);
  const message = load<u32>(ORDER_ARRIVALS, ARRIVAL_MESSAGE);
  if (settleOne(target, at)) return;
  removeFirst();
  arrive(target, message, at);
}
