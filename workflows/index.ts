export { collectRetirements } from './retirement/collect-retirements.ts';
export { rerunRetirements } from './retirement/rerun-retirements.ts';
export { retireUser } from './retirement/retire-user.ts';
