import { expect, it } from 'vitest';
import { configurationPath, knownVariables } from '../../config/environment.ts';

it('takes the path from REGISTRAR_CONFIG, or registrar.yml', () => {
  expect(configurationPath({ REGISTRAR_CONFIG: '/etc/registrar.yml' })).toBe('/etc/registrar.yml');
  expect(configurationPath({ REGISTRAR_CONFIG: '' })).toBe('registrar.yml');
  expect(configurationPath({})).toBe('registrar.yml');
});

it('lists each variable once, in one line', () => {
  const names = knownVariables.map((variable) => variable.name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(
    expect.arrayContaining(['REGISTRAR_CONFIG', 'DATABASE_URL', 'TEMPORAL_TLS_SERVER_NAME']),
  );
  for (const { meaning } of knownVariables) expect(meaning).toMatch(/^[^\n]+$/);
});
