// Compiles the TypeScript sources to dist/, bundles the workflows, and puts `registrar` where npx finds it.
// Incremental: a second run with nothing changed takes about a second.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const dist = path.join(root, 'dist');
const require = createRequire(import.meta.url);

if (compile()) {
  cpSync(path.join(root, 'db', 'migrations'), path.join(dist, 'db', 'migrations'), { recursive: true });
  await bundleWorkflows();
  linkCommand();
}

/** False without the compiler: an install without development packages uses the dist/ it was shipped with. */
function compile() {
  let compiler;
  try {
    compiler = require.resolve('typescript/lib/tsc.js');
  } catch {
    return false;
  }
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
  return true;
}

/** Three seconds that every worker would spend at its start. Made anew only when what goes into it changed. */
async function bundleWorkflows() {
  const bundle = path.join(dist, 'workflow-bundle.js');
  const mark = path.join(dist, 'workflow-bundle.sha256');
  const hash = createHash('sha256').update(require('@temporalio/worker/package.json').version);
  for (const folder of ['workflows', 'domain']) {
    for (const file of readdirSync(path.join(dist, folder), { recursive: true }).sort()) {
      if (file.endsWith('.js')) hash.update(file).update(readFileSync(path.join(dist, folder, file)));
    }
  }
  const wanted = hash.digest('hex');
  if (existsSync(bundle) && existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({
    workflowsPath: path.join(dist, 'workflows', 'index.js'),
    payloadConverterPath: path.join(dist, 'workflows', 'payload-converter.js'),
    logger: new DefaultLogger('WARN'),
  });
  writeFileSync(bundle, code);
  writeFileSync(mark, wanted);
}

function linkCommand() {
  const command = path.join(dist, 'bin', 'registrar.js');
  const link = path.join(root, 'node_modules', '.bin', 'registrar');
  if (!existsSync(command)) return;
  chmodSync(command, 0o755);
  if (existsSync(link)) return;
  mkdirSync(path.dirname(link), { recursive: true });
  symlinkSync(path.relative(path.dirname(link), command), link);
}
