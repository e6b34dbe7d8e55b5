// Runs every check of the sources, also after one has failed, and says at the end which ones failed.
import { spawnSync } from 'node:child_process';

const checks = ['format:check', 'lint', 'types', 'imports', 'unused'];
const failed = [];

for (const check of checks) {
  const startedAt = Date.now();
  const { status } = spawnSync('npm', ['run', '--silent', check], { stdio: 'inherit' });
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'}  ${check} (${seconds} s)`);
  if (status !== 0) failed.push(check);
}

if (failed.length > 0) {
  console.log(`${failed.length} of ${checks.length} checks failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
