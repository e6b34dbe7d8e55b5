import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { queryableTime } from '../../../domain/retirement/archive.ts';
import type { Learner } from '../../../platform/learner.ts';
import type { Receipt } from '../../../receipts/receipt.ts';
import type { StoredReceipt } from '../../../receipts/stored-receipt.ts';

/** A learner with the LMS's own times, as it writes them: `2026-11-22T09:05:00.123456Z`. */
export interface ArchivedLearner extends Learner {
  readonly createdText: string;
  readonly modifiedText: string;
}

/**
 * A line that names nobody: tokens as the newest receipt has them, and all receipts. The name that the LMS gives to the erased is
 * left out: it is a hash of the name they had.
 */
export function tokenLine(learner: ArchivedLearner, receipts: readonly StoredReceipt[]): string {
  const newest = receipts.at(-1);
  if (newest === undefined) throw new Error('a retirement that is COMPLETE has no receipt');
  return JSON.stringify({
    user_id: learner.userId,
    retirement_id: learner.retirementId,
    username_token: newest.usernameToken,
    email_token: newest.emailToken,
    token_key_id: newest.tokenKeyId,
    retirement_request_date: queryableTime(learner.createdText),
    last_modified_date: queryableTime(learner.modifiedText),
    receipts: receipts.map(({ body, hash, signingKeyId, signature }): Receipt => ({
      body,
      hash,
      signingKeyId,
      signature,
    })),
  });
}

/** A line as Open edX's own archive has it, to the byte. */
export function identityLine(learner: ArchivedLearner): string {
  const values = {
    user_id: learner.userId,
    original_username: learner.originalUsername,
    original_email: learner.originalEmail,
    original_name: learner.originalName,
    retired_username: learner.retiredUsername,
    retired_email: learner.retiredEmail,
    retirement_request_date: queryableTime(learner.createdText),
    last_modified_date: queryableTime(learner.modifiedText),
  };
  const fields = Object.entries(values).map(([key, value]) => `"${key}": ${asciiJson(value)}`);
  return `{${fields.join(', ')}}`;
}

/** As Python's `json` writes it by default: nothing but printable ASCII. */
function asciiJson(value: string | number): string {
  return JSON.stringify(value).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export interface ArchiveFile {
  readonly content: Uint8Array;
  readonly digest: string;
}

export function packFile(lines: readonly string[]): ArchiveFile {
  const content = gzipSync(lines.map((line) => `${line}\n`).join(''));
  return { content, digest: digestOf(content) };
}

/** SHA-256 in hexadecimal. */
export function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
