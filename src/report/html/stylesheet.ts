/** Light unless the reader prefers dark; paper is always light. */
export const STYLESHEET = `
:root {
  color-scheme: light;
  --page: #ffffff; --card: #f6f7f9; --line: #d9dee5; --grid: #e4e8ee;
  --text: #16202c; --muted: #566273; --accent: #0b57d0; --on-bar: #ffffff;
  --better: #0f6b37; --worse: #b3261e; --warn: #8a5a00; --warn-page: #fff7e6;
  --off: #64748b; --on: #0b6bcb;
  --guest: #5b6b82; --lines: #94640a; --flight: #6d4fd8; --apicv: #0b746b; --ipiv: #1a7f37;
  --delivery: #2563c9; --world: #c2410c; --kvm: #b5246a; --sleep: #78533f; --other: #6b7280;
  --s1: #0b6bcb; --s2: #c2410c; --s3: #1a7f37; --s4: #6d4fd8; --s5: #94640a; --s6: #b5246a;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    color-scheme: dark;
    --page: #0e131a; --card: #161d27; --line: #2b3542; --grid: #222b37;
    --text: #e6ebf2; --muted: #a0adbd; --accent: #8ab4f8; --on-bar: #0b0f14;
    --better: #6dd58c; --worse: #ff8a80; --warn: #f5c26b; --warn-page: #2a2210;
    --off: #9fb0c5; --on: #62aef7;
    --guest: #94a3b8; --lines: #e9b949; --flight: #a999ff; --apicv: #3fc9b8; --ipiv: #5fd38a;
    --delivery: #6aa8ff; --world: #ff9a5c; --kvm: #f583b4; --sleep: #c8a18c; --other: #9ca3af;
    --s1: #62aef7; --s2: #ff9a5c; --s3: #5fd38a; --s4: #a999ff; --s5: #e9b949; --s6: #f583b4;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 0 1rem 3rem; max-width: 64rem;
  background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere;
}
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem 1rem; background: var(--page); z-index: 1; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
main:focus { outline: none; }
header { padding-top: 2.5rem; }
.product { margin: 0; color: var(--muted); font-weight: 600; letter-spacing: .04em; }
h1 { margin: 0; font-size: clamp(1.6rem, 5vw, 2.4rem); line-height: 1.2; }
h2 { margin: 3rem 0 .25rem; font-size: 1.5rem; line-height: 1.25; border-top: 1px solid var(--line); padding-top: 1.5rem; }
h3 { margin: 2.5rem 0 .25rem; font-size: 1.15rem; line-height: 1.3; }
header + main > section:only-child > h2 { position: absolute; left: -100vw; }
p { margin: .25rem 0 .75rem; }
.lead { font-size: 1.1rem; color: var(--muted); }
nav ul, .legend, .headlines { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .35rem 1.1rem; }
.headlines { gap: .75rem; margin: 1.25rem 0; }
.headlines li {
  flex: 1 1 13rem; max-width: 24rem; padding: .9rem 1.1rem; border-radius: .6rem;
  background: var(--card); border: 1px solid var(--line); display: flex; flex-direction: column;
}
.headlines strong { font-size: 1.9rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.faint, .note, figcaption p, footer { color: var(--muted); font-size: .9rem; }
.better { color: var(--better); }
.worse { color: var(--worse); }
.warning { padding: .75rem 1rem .75rem 2rem; border-radius: .6rem; background: var(--warn-page); border: 1px solid var(--warn); }
figure { margin: 2.5rem 0; }
figcaption h3 { margin: 0; }
figcaption p { max-width: 46rem; }
.legend { font-size: .875rem; margin: .5rem 0; }
.legend li::before {
  content: ''; display: inline-block; width: .8em; height: .8em; margin-right: .45em;
  border-radius: .2em; background: var(--swatch); print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
svg { display: block; width: 100%; height: auto; overflow: visible; margin: .75rem 0 .25rem; }
svg text { font-family: system-ui, sans-serif; }
svg.narrow { max-width: 27rem; display: none; }
@media screen and (max-width: 44rem) {
  svg.wide { display: none; }
  svg.narrow { display: block; }
}
.scroll { overflow-x: auto; margin: .75rem 0; max-width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .925rem; }
caption { position: absolute; left: -100vw; }
th, td { padding: .22rem .9rem; text-align: right; white-space: nowrap; }
th[scope=row], td.text { text-align: left; }
th:first-child, td:first-child { padding-left: 0; text-align: left; }
th { font-weight: 500; }
thead th { font-weight: 600; color: var(--muted); vertical-align: bottom; white-space: normal; max-width: 11rem; }
thead tr:last-child > * { border-bottom: 1px solid var(--line); }
th[scope=colgroup] { text-align: center; }
tbody tr:hover > * { background: var(--card); }
.summary > tr:first-child > * { border-top: 1px solid var(--line); }
.summary td, .summary th { font-weight: 650; padding-block: .35rem; }
.exits > tr:first-child > * { border-top: 1px solid var(--line); }
th.inner { padding-left: 1.2rem !important; color: var(--muted); }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--accent); width: fit-content; font-size: .925rem; }
dl { display: grid; gap: .35rem; }
dl div { display: grid; grid-template-columns: 9rem 1fr; gap: .5rem; }
dt { color: var(--muted); }
dd { margin: 0; }
dd ul { margin: 0; padding-left: 1.1rem; }
code { font: .9em ui-monospace, monospace; }
pre { padding: .75rem 1rem; border-radius: .5rem; background: var(--card); border: 1px solid var(--line); overflow-x: auto; overflow-wrap: normal; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; }
@media (max-width: 30rem) { dl div { grid-template-columns: 1fr; gap: 0; } }
@media print {
  body { max-width: none; font-size: 10pt; }
  nav, .skip, details:not([open]) { display: none; }
  figure, tr, .headlines li { break-inside: avoid; }
  h2, h3, figcaption { break-after: avoid; }
  .scroll { overflow: visible; }
}
`;
