import { setTimeout as delay } from 'node:timers/promises';
import { searchAttributes } from '../../workflows/retirement/contract.ts';
import { failed } from '../operation-error.ts';
import type { TemporalAccess } from '../temporal.ts';

/** The numbers that the server's API gives to the types of search attributes. */
const typeNumbers: Readonly<Record<(typeof searchAttributes)[keyof typeof searchAttributes], number>> = {
  KEYWORD: 2,
  INT: 3,
  DATETIME: 6,
};

export interface SearchAttributeState {
  readonly missing: readonly string[];
  /** Registered with another type than ours, in words. */
  readonly wrong: readonly string[];
}

/** Compares the namespace's search attributes with those of the product. Changes nothing. */
export async function compareSearchAttributes({
  connection,
  namespace,
}: TemporalAccess): Promise<SearchAttributeState> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const registered = customAttributes ?? {};
  const wanted = Object.entries(searchAttributes);
  const isWrong = ([name, type]: (typeof wanted)[number]): boolean =>
    registered[name] !== undefined && Number(registered[name]) !== typeNumbers[type];
  return {
    missing: wanted.filter(([name]) => registered[name] === undefined).map(([name]) => name),
    wrong: wanted
      .filter(isWrong)
      .map(
        ([name, type]) =>
          `the search attribute ${name} is registered with another type than ${type.toLowerCase()}: remove it (\`temporal operator search-attribute remove --name ${name}\`) and run \`registrar setup\``,
      ),
  };
}

const LOOK_AGAIN_MS = 100;
const GIVE_UP_AFTER_MS = 30_000;

/** Registers what is missing and waits until the server knows it. Returns the names added; throws for a wrong type. */
export async function registerSearchAttributes(temporal: TemporalAccess): Promise<readonly string[]> {
  const { missing, wrong } = await compareSearchAttributes(temporal);
  if (wrong.length > 0) throw failed(wrong.join('\n'));
  if (missing.length === 0) return [];
  const deadline = Date.now() + GIVE_UP_AFTER_MS;
  for (let left = missing; left.length > 0; left = (await compareSearchAttributes(temporal)).missing) {
    if (Date.now() > deadline) {
      throw failed(
        `Temporal does not take the search attributes ${left.join(', ')}: run \`registrar setup\` again`,
      );
    }
    await add(temporal, left);
    await delay(LOOK_AGAIN_MS);
  }
  return missing;
}

async function add({ connection, namespace }: TemporalAccess, names: readonly string[]): Promise<void> {
  const wanted = Object.entries(searchAttributes).filter(([name]) => names.includes(name));
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(wanted.map(([name, type]) => [name, typeNumbers[type]])),
  });
}
