import type { RetirementDependencies } from '../dependencies.ts';
import { createCreateCanary } from './creating.ts';
import { createLookAtCanary } from './looking.ts';
import { createStartCanary } from './starting.ts';
import { createVerifyCanary } from './verifying.ts';

export type CanaryActivities = ReturnType<typeof createCanaryActivities>;

/** The effects of `canaryRetirement`. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the workflow takes its type from here
export function createCanaryActivities(dependencies: RetirementDependencies) {
  return {
    createCanary: createCreateCanary(dependencies),
    startCanary: createStartCanary(dependencies),
    lookAtCanary: createLookAtCanary(dependencies),
    verifyCanary: createVerifyCanary(dependencies),
  };
}
