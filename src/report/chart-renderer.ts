/** Draws Vega-Lite specifications with what the build bundles of Vega, which is loaded for the first drawing. */
import { createRequire } from 'node:module';
import type { TopLevelSpec } from 'vega-lite';

interface Renderer {
  readonly renderSvg: (specification: TopLevelSpec) => Promise<string>;
}

/** src/report/, dist/report/ and build/command/ lie equally deep. */
const RENDERER = '../../build/chart-renderer.js';
const require = createRequire(import.meta.url);

/** The SVG element. */
export function renderSvg(specification: TopLevelSpec): Promise<string> {
  const renderer = require(RENDERER) as Renderer;
  return renderer.renderSvg(specification);
}
