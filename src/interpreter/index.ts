export { run } from './run';
export { getFlags, setFlags } from './flags';
