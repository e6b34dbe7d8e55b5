import type { ReceiptBody, ReceiptProbe, ReceiptStage } from '../../receipts/receipt.ts';

/** What one erasure's receipts say. */
export interface ProvedErasure {
  readonly receipt: number;
  readonly userId: number;
  readonly retirementId: number;
  readonly requestedAt: string;
  readonly completedAt: string;
  readonly issuedAt: string;
  readonly stages: readonly ReceiptStage[];
  /** First those right after the erasure, then those of later looks. */
  readonly probes: readonly (ReceiptProbe & { readonly receipt: number })[];
}

/** The erasures among receipts, with the probes of all looks at each, in the order of the chain. */
export function erasuresIn(bodies: readonly ReceiptBody[]): readonly ProvedErasure[] {
  return bodies.flatMap((body): readonly ProvedErasure[] => {
    if (body.kind !== 'erasure') return [];
    const { sequence, userId, retirementId, requestedAt, completedAt, issuedAt, stages } = body;
    const looks = bodies.filter(
      (other) => other === body || (other.kind === 'probe' && other.of === sequence),
    );
    const probes = looks.flatMap((look) =>
      look.probes.map((probe) => ({ ...probe, receipt: look.sequence })),
    );
    return [{ receipt: sequence, userId, retirementId, requestedAt, completedAt, issuedAt, stages, probes }];
  });
}
