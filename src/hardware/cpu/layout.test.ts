import { expect, it } from 'vitest';
import * as L from './layout.js';

const SIZES = ['CPU_BLOCKS', 'CPU_STRIDE'];

it.each(['CPU_', 'ORDER_'])('no two fields %s... begin at the same address', (prefix) => {
  const fields = Object.entries(L).filter(([name]) => name.startsWith(prefix) && !SIZES.includes(name));
  const first = new Map(fields.map(([name, address]) => [address, name] as const).reverse());
  expect(fields.filter(([name, address]) => first.get(address) !== name)).toEqual([]);
});
