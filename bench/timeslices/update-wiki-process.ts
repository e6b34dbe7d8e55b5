import { startSandboxWiki } from '../../sandbox/wiki/server.ts';

// The sandbox wiki in a process of its own: what it uses is not the worker's. Ends with the benchmark.
const [databaseUrl = ''] = process.argv.slice(2);
const wiki = await startSandboxWiki({ databaseUrl, port: 0 });
process.send?.(wiki.url);
process.once('disconnect', () => void wiki.close().then(() => process.exit(0)));
