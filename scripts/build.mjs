// Compiles the TypeScript sources to dist/ and puts `registrar` where npx finds it.
// Incremental: a second run with nothing changed takes about a second.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

let compiler;
try {
  compiler = require.resolve('typescript/lib/tsc.js');
} catch {
  // An install without development packages uses the dist/ it was shipped with.
  process.exit(0);
}

const compiled = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

cpSync(path.join(root, 'db', 'migrations'), path.join(root, 'dist', 'db', 'migrations'), { recursive: true });

const bin = path.join(root, 'dist', 'bin', 'registrar.js');
const link = path.join(root, 'node_modules', '.bin', 'registrar');
if (existsSync(bin)) {
  chmodSync(bin, 0o755);
  if (!existsSync(link)) {
    mkdirSync(path.dirname(link), { recursive: true });
    symlinkSync(path.relative(path.dirname(link), bin), link);
  }
}
