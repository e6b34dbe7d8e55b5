import type { Command } from 'commander';
import { addVerifyCommand } from '../receipts/verify-command.ts';
import type { Run } from '../tools.ts';
import { addArchiveCommand } from './archive-commands.ts';
import { addBulkCommand } from './bulk-commands.ts';
import { addMovingCommands } from './moving-commands.ts';
import { addReadingCommands } from './reading-commands.ts';
import { addReportCommand } from './report-command.ts';
import { addRunningCommands } from './running-commands.ts';

/** Adds `registrar retirement …` and returns it, for more commands to be added. */
export function addRetirementCommands(program: Command, run: Run): Command {
  const retirement = program.command('retirement').description('learners who asked to be deleted');
  addReadingCommands(retirement, run);
  addMovingCommands(retirement, run);
  addRunningCommands(retirement, run);
  addReportCommand(retirement, run);
  addArchiveCommand(retirement, run);
  addBulkCommand(retirement, run);
  addVerifyCommand(retirement, run);
  return retirement;
}
