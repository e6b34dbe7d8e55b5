import { proxyActivities } from '@temporalio/workflow';

export * from '../../workflows/index.ts';

const { nothing } = proxyActivities<{ nothing(input: { userId: number }): Promise<void> }>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '10 seconds',
});

/** What a retirement is measured against: as many activities, one after the other, that do nothing. */
export async function emptyRetirement(input: { userId: number; stages: number }): Promise<void> {
  for (let stage = 0; stage < input.stages; stage += 1) await nothing({ userId: input.userId });
}
