import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { inject } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../stack/temporal-settings.ts';
import { waitFor } from './wait.ts';

/** A namespace of one test file, so that the product's fixed task queues and workflow ids are its own there. */
export interface TestNamespace {
  readonly address: string;
  readonly namespace: string;
  readonly client: Client;
  readonly connection: Connection;
  /** Closes the connection; the namespace goes with the server. */
  close(): Promise<void>;
}

const RETENTION_MS = 24 * 60 * 60 * 1000;

/** The numbers that the server's API gives to the types of search attributes. */
const INDEXED_VALUE_TYPES = { Keyword: 2, Int: 3, Datetime: 6 } as const;

/** A fresh namespace on the shared server with the product's search attributes, ready to be used. */
export async function createNamespace(): Promise<TestNamespace> {
  const address = inject('temporalAddress');
  const namespace = `test-${randomBytes(6).toString('hex')}`;
  const connection = await Connection.connect({ address });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs(RETENTION_MS),
  });
  await addSearchAttributes(connection, namespace);
  const client = new Client({ connection, namespace });
  return { address, namespace, client, connection, close: () => connection.close() };
}

async function addSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const searchAttributes = Object.fromEntries(
    Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [name, INDEXED_VALUE_TYPES[type]]),
  );
  // Every part of the server learns of a namespace, and then of its attributes, a little later.
  await waitFor(
    async () => {
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
      if (Object.keys(searchAttributes).every((name) => name in (customAttributes ?? {}))) return true;
      await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
      return false;
    },
    { what: `namespace ${namespace} to have its search attributes` },
  );
  await waitFor(
    () =>
      connection.workflowService.countWorkflowExecutions({ namespace, query: 'RetirementState = "PENDING"' }),
    { what: `namespace ${namespace} to be usable` },
  );
}
