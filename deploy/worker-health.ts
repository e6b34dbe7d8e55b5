// The health check of the image: exit 0 when the worker of this container is ready, 1 and the lines why otherwise. An LMS or a wiki that
// is down is no reason to call the worker unhealthy.

const ANSWER_WITHIN_MS = 5_000;

try {
  await askWorker(process.env['REGISTRAR_HTTP_ADDRESS'] ?? '');
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function askWorker(address: string): Promise<void> {
  if (address === '') {
    throw new Error(
      'REGISTRAR_HTTP_ADDRESS is not set: the worker serves nothing, so nobody knows how it is',
    );
  }
  // What listens on all addresses of the container is asked at its loopback.
  const url = `http://${address.replace(/^(?:0\.0\.0\.0|\[::\]):/, '127.0.0.1:')}/readyz`;
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const answer = await fetch(url, { signal }).catch((cause: unknown) => {
    throw new Error(`the worker does not answer at ${address}`, { cause });
  });
  if (!answer.ok) throw new Error((await answer.text()).trim());
}
