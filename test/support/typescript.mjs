// Lets a plain `node --import` run the project's TypeScript: for tests that need a process of their own to kill.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
