import type { Command } from 'commander';
import type { Run } from '../tools.ts';
import { addMovingCommands } from './moving-commands.ts';
import { addReadingCommands } from './reading-commands.ts';
import { addRunningCommands } from './running-commands.ts';

/** Adds `registrar retirement …` and returns it, for more commands to be added. */
export function addRetirementCommands(program: Command, run: Run): Command {
  const retirement = program.command('retirement').description('learners who asked to be deleted');
  addReadingCommands(retirement, run);
  addMovingCommands(retirement, run);
  addRunningCommands(retirement, run);
  return retirement;
}
