// `npm run bench`: how fast the emulator is. docs/performance.md says what each figure means.
import { Bench } from 'tinybench';
import { runCase, type Settings } from './workloads.js';
import { yardstick, YARDSTICK_STEPS } from './yardstick.js';

interface Figure {
  readonly name: string;
  readonly unit: string;
  /** Does some work; returns how many units that were. */
  readonly work: () => number;
}

const IPI_CASES: readonly Settings[] = [
  { workload: 'ipi', apicMode: 'xapic', ipiv: false },
  { workload: 'ipi', apicMode: 'x2apic', ipiv: false },
  { workload: 'ipi', apicMode: 'xapic', ipiv: true },
  { workload: 'ipi', apicMode: 'x2apic', ipiv: true },
];

const YARDSTICK = 'yardstick';

const FIGURES: readonly Figure[] = [
  { name: YARDSTICK, unit: 'steps', work: () => (yardstick(), YARDSTICK_STEPS) },
  { name: 'cpuid', unit: 'VM exits', work: () => runCase({ workload: 'cpuid', vcpus: 1 }) },
  ...IPI_CASES.map((settings) => ({
    name: `${settings.apicMode ?? ''} ${settings.ipiv === true ? 'IPIv' : 'exits'}`,
    unit: 'IPIs',
    work: () => runCase(settings),
  })),
  { name: 'start-up', unit: 'runs', work: () => (runCase({ workload: 'ipi', warmup: 0 }, 1), 1) },
];

/** These come from the sources, with iced-x86 as it is, whose memory grows: after that all that is above would be slower. */
async function kernels(): Promise<readonly Figure[]> {
  const { KERNELS, startKernel } = await import('./kernels.js');
  return KERNELS.map((kernel) => ({
    name: `${kernel.name} kernel`,
    unit: 'instructions',
    work: startKernel(kernel).work,
  }));
}

/** Milliseconds of processor time: other programs on the machine do not count. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

interface Rate extends Figure {
  readonly perSecond: number;
}

async function measure(figures: readonly Figure[]): Promise<readonly Rate[]> {
  const bench = new Bench({ now: processorTime, time: 1000, iterations: 5, warmupTime: 500, warmupIterations: 2 });
  const units = new Map<string, number>();
  for (const { name, work } of figures) bench.add(name, () => void units.set(name, work()));
  await bench.run();
  return figures.map((figure) => {
    const { name } = figure;
    const result = bench.getTask(name)?.result;
    if (result?.state !== 'completed') throw new Error(`${name} did not complete: it is ${String(result?.state)}`);
    return { ...figure, perSecond: ((units.get(name) ?? 0) * 1000) / result.latency.p50 };
  });
}

/** Units per second in three digits. */
function rate(perSecond: number): string {
  if (perSecond >= 1e9) return `${(perSecond / 1e9).toPrecision(3)} G`;
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toPrecision(3)} M`;
  return perSecond >= 1e3 ? `${(perSecond / 1e3).toPrecision(3)} k` : perSecond.toPrecision(3);
}

function printTable(rates: readonly Rate[]): void {
  const steps = rates.find(({ name }) => name === YARDSTICK)?.perSecond ?? NaN;
  const row = (name: string, perSecond: string, unit: string, cost: string): void => {
    console.log(name.padEnd(18) + perSecond.padStart(8) + `  ${unit}`.padEnd(18) + cost.padStart(20));
  };
  row('', 'per s', '', 'yardstick steps each');
  for (const { name, unit, perSecond } of rates) {
    row(name, rate(perSecond), unit, String(Number((steps / perSecond).toPrecision(3))));
  }
}

printTable([...(await measure(FIGURES)), ...(await measure(await kernels()))]);
console.log(`\nmemory: ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB at most`);
