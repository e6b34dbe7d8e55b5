import { defaultPayloadConverter, type PayloadConverter } from '@temporalio/common';

/** What a message is given instead of an argument that nobody can read. No handler takes it for a valid one. */
const unreadable = { unreadable: true } as const;

/**
 * As Temporal's own, but a payload that cannot be decoded becomes an argument which handlers refuse. By default it fails
 * the workflow task, again and again: one signal in an unknown encoding would keep a learner's workflow from ever moving.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value) => defaultPayloadConverter.toPayload(value),
  fromPayload: <Value>(payload: Parameters<PayloadConverter['fromPayload']>[0]): Value => {
    try {
      return defaultPayloadConverter.fromPayload<Value>(payload);
    } catch {
      return unreadable as Value;
    }
  },
};
