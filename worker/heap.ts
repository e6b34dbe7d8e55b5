import v8 from 'node:v8';

/** Of what is in use after a collection: a heap may grow by so much until the next one. */
const GROWING_PERCENT = 40;
/** MiB, of new objects; V8's own is 16. */
const NEW_SPACE_MIB = 8;

/**
 * Has this process collect garbage earlier. V8 lets a heap grow to several times what is in use, by the memory of the machine; a worker has
 * three heaps, its own and those of the threads in which workflow code runs. Of the new space only those of threads begun afterwards
 * take heed.
 */
export function keepHeapsSmall(): void {
  v8.setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
  v8.setFlagsFromString(`--max-semi-space-size=${NEW_SPACE_MIB}`);
}
