/**
 * A trace as viewers draw it: tracks with slices, instants and counters, and flows that connect them. Chrome's and
 * Perfetto's formats are two ways to write this down.
 */

/** What a track shows of one vCPU. */
export type TrackKind = 'vcpu' | 'interrupts' | 'steps' | 'instructions' | 'exits' | 'requests';

/** A line of the drawing. */
export interface Track {
  readonly cpu: number;
  readonly kind: TrackKind;
}

/** What a viewer shows of a mark when it is selected. */
export type Arguments = Readonly<Record<string, string | number | boolean>>;

interface At {
  readonly track: Track;
  /** Ticks. */
  readonly at: number;
}

/** Something at an instant that flows can pass through. */
export interface Mark extends At {
  readonly kind: 'begin' | 'instant';
  readonly name: string;
  readonly arguments: Arguments;
  /** Flows that pass here, and those that end here. */
  readonly flows: number[];
  readonly endingFlows: number[];
}

/** Something at an instant of a track. */
export type TimelineItem =
  Mark | (At & { readonly kind: 'end' }) | (At & { readonly kind: 'counter'; readonly value: number });

/** A whole drawing. */
export interface Timeline {
  readonly tracks: readonly Track[];
  /** In order of time; of items at one time on one track, ends come before what begins there. */
  readonly items: readonly TimelineItem[];
}

/** Tracks on which values are drawn instead of slices, and what they count. */
export const COUNTERS: Readonly<Partial<Record<TrackKind, string>>> = {
  exits: 'VM exits',
  requests: 'requests in PIR',
};

/** What stands beside a track. */
export function trackTitle({ cpu, kind }: Track): string {
  if (kind === 'vcpu') return `vCPU ${cpu}`;
  return `vCPU ${cpu} ${COUNTERS[kind] ?? kind}`;
}
