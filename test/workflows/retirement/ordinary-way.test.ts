import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setRetirementStage, type RetirementStage } from '../../support/retirement.ts';

let stage: RetirementStage;
beforeAll(async () => {
  stage = await setRetirementStage();
  await stage.startWorker();
});
afterAll(() => stage.close());

describe('a retirement without trouble', () => {
  it('takes a learner through the pipeline to COMPLETE', async () => {
    const [learner] = await stage.ask([{ username: 'ada', orgs: ['edX'] }]);
    const userId = learner?.user_id ?? 0;
    expect(await stage.collect()).toEqual({ listed: 1, started: 1, running: 0, left: 0 });
    const result = await stage.workflow(userId).result();
    expect(result).toMatchObject({ userId, outcome: 'COMPLETE' });
    const row = await stage.row(userId);
    expect(row.currentState).toBe('COMPLETE');
    console.log(
      row,
      await stage.lms('ada'),
      await stage.effects('ada'),
      await stage.control('GET', '/_sandbox/requests'),
    );
  });
});
