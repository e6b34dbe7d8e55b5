export { collectRetirements } from './retirement/collect-retirements.ts';
export { rerunRetirements } from './retirement/rerun-retirements.ts';
export { retireUser } from './retirement/retire-user.ts';
export { courseUpdate } from './timeslices/course-update.ts';
export { ingest } from './timeslices/ingest.ts';
export { preUpdate } from './timeslices/pre-update.ts';
export { reprocess } from './timeslices/reprocess.ts';
