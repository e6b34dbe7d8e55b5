import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chaosPipeline, learnerNumber, NEWSLETTER } from '../../bench/chaos/cast.ts';
import { breaks } from '../../bench/chaos/invariants/breaks.ts';
import { invariants } from '../../bench/chaos/invariants/index.ts';
import type { Scene } from '../../bench/chaos/invariants/scene.ts';
import type { AskedLearner } from '../../bench/chaos/people.ts';
import { pipeline } from '../../bench/chaos/retirement-steps.ts';
import { startThirdParty, type ThirdParty } from '../../bench/chaos/third-party.ts';
import { loadConfiguration } from '../../config/load.ts';
import {
  ARCHIVE_RETIREMENTS,
  PARTNER_REPORT,
  RETIREMENT_TASK_QUEUE,
} from '../../workflows/retirement/contract.ts';
import { startOwnTemporal, type OwnTemporal } from '../support/own-temporal.ts';
import { setRetirementStage, type RetirementStage } from '../support/retirement.ts';
import { waitFor } from '../support/wait.ts';

let folder: string;
let temporal: OwnTemporal;
let thirdParty: ThirdParty;
let stage: RetirementStage;
let scene: Scene;
const people: AskedLearner[] = [];

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-chaos-test-'));
  [temporal, thirdParty] = await Promise.all([startOwnTemporal({ onDisk: true }), startThirdParty()]);
  stage = await setRetirementStage(settings(), { temporal: temporal.namespace });
  await stage.startWorker();
  scene = {
    database: stage.database,
    outside: stage.database,
    client: temporal.namespace.client,
    pipeline,
    people,
    deeds: { kills: [], faults: [] },
    thirdParty,
    deliveredFolder: folder,
    anonymous: [temporal.directory],
    configuration: async () => {
      const loaded = await loadConfiguration({ path: stage.configurationPath, env: {} });
      if (loaded.kind === 'invalid') throw new Error(JSON.stringify(loaded.problems));
      return loaded.configuration;
    },
  };
  await retire(0, { orgs: ['AcmeX', 'DeltaX'] });
  await retire(1, { orgs: ['BorealisX'] });
  await run(PARTNER_REPORT);
  await run(ARCHIVE_RETIREMENTS);
  await retire(2, { orgs: ['AcmeX'] });
  await retire(3, { orgs: [] });
  await retire(4, { orgs: [], isDoomed: true });
  await cancel(5);
  await stage.database.query(
    `insert into courses (slug, title, starts_at, ends_at) values ('still', 'Still', '2026-01-01', '2026-12-31')`,
  );
}, 120_000);

afterAll(async () => {
  await stage.close();
  await thirdParty.close();
  await temporal.remove();
  rmSync(folder, { recursive: true, force: true });
});

function settings(): Parameters<typeof setRetirementStage>[0] {
  return {
    pipeline: chaosPipeline,
    deliveryFolder: folder,
    registrar: {
      services: {
        [NEWSLETTER]: {
          base_url: thirdParty.url,
          methods: { forget: { verb: 'POST', path: '/forget/{user_id}', nothing_to_erase: [404] } },
        },
      },
    },
  };
}

interface NewPerson {
  readonly orgs: readonly string[];
  readonly isDoomed?: boolean;
  readonly requestedAt?: string;
}

async function ask(number: number, { orgs, isDoomed = false, requestedAt }: NewPerson): Promise<number> {
  const { username, email, name } = learnerNumber(number);
  const [asked] = await stage.ask([
    { username, email, name, orgs, ...(requestedAt === undefined ? {} : { requested_at: requestedAt }) },
  ]);
  const userId = asked?.user_id ?? 0;
  thirdParty.know(userId, { refuses: isDoomed });
  people.push({
    number,
    userId,
    username,
    orgs,
    isDoomed,
    askedAtMs: 0,
    resumes: 0,
    reruns: 0,
    wasToldCancelled: false,
    isLinked: false,
  });
  await stage.collect();
  return userId;
}

async function retire(number: number, person: NewPerson): Promise<void> {
  const userId = await ask(number, person);
  if (person.isDoomed !== true) return void (await stage.workflow(userId).result());
  await waitFor(
    async () => (await stage.lms(learnerNumber(number).username))['current_state'] === 'ERRORED',
    { what: 'the LMS to have the learner as ERRORED' },
  );
}

async function cancel(number: number): Promise<void> {
  const userId = await ask(number, { orgs: [], requestedAt: new Date().toISOString() });
  await stage.workflow(userId).executeUpdate<unknown, [unknown]>('cancel', { args: [{}] });
  await stage.workflow(userId).result();
  for (const person of people) if (person.userId === userId) person.wasToldCancelled = true;
}

async function run(workflowType: string): Promise<void> {
  await temporal.namespace.client.workflow.execute(workflowType, {
    workflowId: workflowType,
    taskQueue: RETIREMENT_TASK_QUEUE,
    args: workflowType === ARCHIVE_RETIREMENTS ? [{ dryRun: false }] : [],
  });
}

describe('the invariants of a chaos run', () => {
  it('hold where nothing went wrong', async () => {
    const found = Object.entries(invariants).map(
      async ([name, invariant]) => [name, await invariant(scene)] as const,
    );
    expect(Object.fromEntries(await Promise.all(found))).toEqual(
      Object.fromEntries(Object.keys(invariants).map((name) => [name, []])),
    );
  });

  it('each have a break that shows them', () => {
    const shown = new Set(Object.values(breaks).map(({ invariant }) => invariant));
    expect([...shown].toSorted()).toEqual(Object.keys(invariants).toSorted());
  });

  // On one scene, one after the other: what counts is what each break adds.
  it.each(Object.entries(breaks))('see %s', async (_name, { invariant, apply }) => {
    const before = await invariants[invariant](scene);
    await apply(scene);
    const after = await invariants[invariant](scene);
    expect(after.filter((violation) => !before.includes(violation))).not.toEqual([]);
  });
});
