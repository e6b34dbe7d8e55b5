import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServices, type ServicesOptions } from '../../../platform/services/index.ts';
import { countingTokens, learnerWith, startStandIn, type StandIn } from './stand-in.ts';

let folder: string;
let server: StandIn;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'registrar-services-'));
  server = await startStandIn();
  await writeFile(join(folder, 'legacy.mjs'), 'export const erase = async () => "gone"');
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const nothing = (): ServicesOptions => ({
  thirdParties: {},
  baseUrls: { lms: server.url },
  declarations: {},
  lmsTokens: countingTokens(),
  timeoutMs: 5000,
});

describe('the services of a configuration', () => {
  it('are none where nothing is configured', async () => {
    expect(await createServices(nothing())).toEqual({});
  });

  it('are those that have their keys, under their pipeline names', async () => {
    const services = await createServices({
      ...nothing(),
      thirdParties: {
        braze: { apiKey: 'b', instance: 'iad-01' },
        segment: { authToken: 's', workspaceSlug: 'w' },
        amplitude: { apiKey: 'a', secretKey: 'k' },
        hubspot: { apiKey: 'h' },
        salesforce: { user: 'u', password: 'p', token: 't', domain: 'login', assignee: 'c' },
      },
      baseUrls: { lms: server.url, license_manager: server.url, demographics: server.url },
      declarations: { LEGACY: { kind: 'module', path: join(folder, 'legacy.mjs') } },
    });
    const methods = Object.entries(services).map(([name, service]) => [name, Object.keys(service)]);
    expect(Object.fromEntries(methods)).toEqual({
      BRAZE: ['delete_user'],
      SEGMENT: ['delete_and_suppress_learner'],
      AMPLITUDE: ['delete_user'],
      HUBSPOT: ['delete_user'],
      SALESFORCE: ['retire_learner'],
      LICENSE_MANAGER: ['retire_learner'],
      DEMOGRAPHICS: ['retire_learner'],
      LEGACY: ['erase'],
    });
  });

  it("prefer an operator's declaration to what is shipped", async () => {
    server.behave(() => ({ status: 204 }));
    const { BRAZE } = await createServices({
      ...nothing(),
      thirdParties: { braze: { apiKey: 'b', instance: 'iad-01' } },
      declarations: {
        BRAZE: {
          kind: 'http',
          baseUrl: server.url,
          auth: { kind: 'none' },
          methods: {
            delete_user: { verb: 'DELETE', path: '/mine/{user_id}', ok: [204], nothingToErase: [] },
          },
        },
      },
    });
    await BRAZE?.['delete_user']?.({ learner: learnerWith() });
    expect(server.received[0]).toMatchObject({ verb: 'DELETE', path: '/mine/42' });
  });

  it('are refused when a module lacks a method that the pipeline names', async () => {
    const row = { startState: 'RETIRING_X', endState: 'X_COMPLETE', service: 'LEGACY', method: 'forget' };
    const declarations = { LEGACY: { kind: 'module', path: join(folder, 'legacy.mjs') } as const };
    await expect(createServices({ ...nothing(), declarations, pipeline: [row] })).rejects.toThrow(
      /no function "forget"; its functions are: erase/,
    );
    const services = await createServices({
      ...nothing(),
      declarations,
      pipeline: [{ ...row, method: 'erase' }],
    });
    expect(Object.keys(services)).toEqual(['LEGACY']);
  });
});
