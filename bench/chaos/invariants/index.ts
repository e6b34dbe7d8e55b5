import { archivedOnce } from './archived-once.ts';
import { cancelledUntouched } from './cancelled-untouched.ts';
import { coursesRebuilt } from './courses-rebuilt.ts';
import { effectsOnce } from './effects-once.ts';
import { learnersSettled } from './learners-settled.ts';
import { nobodyNamed } from './nobody-named.ts';
import { nothingMarked } from './nothing-marked.ts';
import { receiptsChain } from './receipts-chain.ts';
import { reportsOnce } from './reports-once.ts';
import { stagesInOrder } from './stages-in-order.ts';
import { statisticsForgot } from './statistics-forgot.ts';
import { workflowsSound } from './workflows-sound.ts';

/** By the name that the result of a run has. */
export const invariants = {
  'learners-settled': learnersSettled,
  'cancelled-untouched': cancelledUntouched,
  'effects-once': effectsOnce,
  'stages-in-order': stagesInOrder,
  'workflows-sound': workflowsSound,
  'courses-rebuilt': coursesRebuilt,
  'nothing-marked': nothingMarked,
  'receipts-chain': receiptsChain,
  'reports-once': reportsOnce,
  'archived-once': archivedOnce,
  'statistics-forgot': statisticsForgot,
  'nobody-named': nobodyNamed,
} as const;

export type InvariantName = keyof typeof invariants;
