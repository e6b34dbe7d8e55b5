import type { Command } from 'commander';
import type { Run } from '../tools.ts';
import { addCheckingCommands } from './checking-commands.ts';
import { addImportCommand } from './import-command.ts';
import { addLinkCommand } from './link-command.ts';
import { addMembershipCommands } from './membership-commands.ts';
import { addReadingCommands } from './reading-commands.ts';
import { addRunningCommands } from './running-commands.ts';

/** Adds `registrar course …`. */
export function addCourseCommands(program: Command, run: Run): void {
  const course = program.command('course').description('statistics of courses on wikis');
  addImportCommand(course, run);
  addReadingCommands(course, run);
  addMembershipCommands(course, run);
  addLinkCommand(course, run);
  addRunningCommands(course, run);
  addCheckingCommands(course, run);
}
