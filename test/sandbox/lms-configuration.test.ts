import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { sandboxConfigurationYaml, sandboxPipeline } from '../../sandbox/lms/pipeline.ts';
import { retirementStates } from '../../sandbox/lms/states.ts';
import { credentials } from './lms-client.ts';

describe('the sandbox configuration', () => {
  const base = { lmsUrl: 'http://127.0.0.1:1', clientId: credentials.clientId, clientSecret: 'yes' };

  it('has the keys of the original driver, and nothing of ours unless it is given', () => {
    expect(parse(sandboxConfigurationYaml(base))).toEqual({
      client_id: credentials.clientId,
      client_secret: 'yes',
      base_urls: { lms: 'http://127.0.0.1:1' },
      retirement_pipeline: sandboxPipeline,
    });
    expect(sandboxConfigurationYaml(base)).toContain('client_secret: "yes"');
  });

  it('names the reference counter, the system tags and a contact when there is a wiki', () => {
    const yaml = sandboxConfigurationYaml({
      ...base,
      wikiUrl: 'http://wiki',
      coolOffDays: 0.01,
      registrar: { retry_budget: 5 },
    });
    expect(parse(yaml)).toMatchObject({
      registrar: {
        cool_off_days: 0.01,
        reference_counter_url: 'http://wiki',
        system_oauth_ids: [252],
        contact: 'sandbox@example.org',
        retry_budget: 5,
      },
    });
  });

  it('has its states in the order of the LMS, whose table begins and ends as it must', () => {
    const names = retirementStates.map((state) => state.name);
    const sample = ['EMAIL_LISTS_COMPLETE', 'ENROLLMENTS_COMPLETE', 'LMS_MISC_COMPLETE', 'LMS_COMPLETE'];
    for (const order of [sandboxPipeline.flatMap(([start, end]) => [start, end]), sample]) {
      const positions = order.map((name) => names.indexOf(name));
      expect(positions).not.toContain(-1);
      expect(positions).toEqual(positions.toSorted((left, right) => left - right));
    }
    expect(names[0]).toBe('PENDING');
    expect(names.slice(-3)).toEqual(['ERRORED', 'ABORTED', 'COMPLETE']);
    expect(names.every((name) => name.length <= 30)).toBe(true);
    expect(new Set(names).size).toBe(names.length);
  });
});
