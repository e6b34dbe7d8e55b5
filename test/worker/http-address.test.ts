import { pino } from 'pino';
import { expect, test } from 'vitest';
import { readHttpAddress } from '../../worker/observability/http-address.ts';
import { startObservabilityServer } from '../../worker/observability/http-server.ts';
import { occupyPort } from '../support/port.ts';

test.each([
  ['127.0.0.1:9464', { host: '127.0.0.1', port: 9464 }],
  ['worker.internal:0', { host: 'worker.internal', port: 0 }],
  ['[::1]:9464', { host: '::1', port: 9464 }],
  ['', undefined],
  [undefined, undefined],
])('reads %s', (text, address) => {
  expect(readHttpAddress(text)).toEqual(address);
});

test.each(['9464', ':9464', '127.0.0.1', '127.0.0.1:65536', '::1:9464', 'http://127.0.0.1:9464', 'a b:1'])(
  'refuses %s and says what to write',
  (text) => {
    expect(() => readHttpAddress(text)).toThrow(
      `REGISTRAR_HTTP_ADDRESS is "${text}": write host:port, for example 127.0.0.1:9464`,
    );
  },
);

test('says in one line that the address is taken', async () => {
  const port = await occupyPort();
  const nothing = { metrics: async () => '', notLive: () => [], notReady: () => [] };
  await expect(
    startObservabilityServer({ host: '127.0.0.1', port }, nothing, pino({ level: 'silent' })),
  ).rejects.toThrow(`cannot listen at 127.0.0.1:${port} (EADDRINUSE): check REGISTRAR_HTTP_ADDRESS`);
});
