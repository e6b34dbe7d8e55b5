import type { RetirementStage, SandboxLearner } from './retirement.ts';

/** What a retirement left behind in the LMS and in our row, without anything that differs from learner to learner. */
export interface Ending {
  readonly outcome: string;
  readonly state: string;
  readonly completedStages: readonly string[];
  /** States named at the head of the lines of `responses`, in order. */
  readonly written: readonly string[];
  /** States that the LMS's own log says the learner was moved to, in order. */
  readonly moves: readonly string[];
  /** How often each action changed something in the LMS. */
  readonly effective: Readonly<Record<string, number>>;
}

/** Waits for the end of the learner's workflow and reads what it left behind. */
export async function readEnding(stage: RetirementStage, learner: SandboxLearner): Promise<Ending> {
  const result: unknown = await stage.workflow(learner.user_id).result();
  const outcome = typeof result === 'object' && result !== null && 'outcome' in result ? result.outcome : '';
  return { outcome: String(outcome), ...(await readTraces(stage, learner)) };
}

/** The same of a workflow that is still open. */
export async function readTraces(
  stage: RetirementStage,
  { user_id: userId, username }: SandboxLearner,
): Promise<Omit<Ending, 'outcome'>> {
  const row = await stage.row(userId);
  const lms = await stage.lms(username);
  const effects = Object.entries(await stage.effects(username));
  return {
    state: row.currentState,
    completedStages: row.completedStages,
    written: statesIn(row.responses, /^\S+Z ([A-Z_]+): /gm),
    moves: statesIn(String(lms['responses']), /^ Moved from \w+ \(step \d+\) to (\w+)/gm),
    effective: Object.fromEntries(
      effects.map(([action, { effective }]) => [action.replace(`/${userId}/`, '/{id}/'), effective]),
    ),
  };
}

function statesIn(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map(([, state = '']) => state);
}
