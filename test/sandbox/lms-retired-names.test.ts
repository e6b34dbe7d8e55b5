import { describe, expect, it } from 'vitest';
import { possibleRetiredUsernames, retiredEmail, retiredUsername } from '../../sandbox/lms/retired-names.ts';

describe('retired names', () => {
  it('are salted hashes of the lower-cased value under the newest salt', () => {
    expect(retiredUsername('test_user')).toBe('retired__user_ef34d50f368debf0780b046831c1e9cd852b6a01');
    expect(retiredUsername('Test_User')).toBe(retiredUsername('test_user'));
    expect(retiredEmail('test_user@example.com')).toBe(
      'retired__user_be5fd30411b0d96bdffe6e680624148beb7ffd85@retired.invalid',
    );
  });

  it('have one candidate a salt, the newest last', () => {
    const candidates = possibleRetiredUsernames('test_user', ['abc', '123']);
    expect(candidates).toHaveLength(2);
    expect(candidates[1]).toBe(retiredUsername('test_user'));
    expect(candidates[0]).toBe(retiredUsername('test_user', ['abc']));
    expect(candidates[0]).not.toBe(candidates[1]);
  });

  it('cannot be made without a salt', () => {
    expect(() => retiredUsername('test_user', [])).toThrow('at least one salt');
  });
});
