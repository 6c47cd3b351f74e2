/**
 * Numbers of the steps that the interpreter charges, for AssemblyScript, which cannot read them from STEP_NAMES. This file
 * is compiled by both tsc and asc: it holds constants only.
 */
export const STEP_LINE_TRANSFER = 12;
