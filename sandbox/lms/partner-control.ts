import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { answerControlError, ControlError, parseControl } from '../control/control.ts';
import { plainBodyOf } from '../shell/bodies.ts';
import type { Lms } from './endpoints.ts';
import { keepPartnerColumns } from './partner-store.ts';

const columnsSchema = z.strictObject({
  username: z.string().min(1),
  orgs_config: z.array(
    z.strictObject({ org: z.string().min(1), field_headings: z.array(z.string().min(1)).min(1) }),
  ),
  student_id: z.string().optional(),
});

/** `/_sandbox/partner-columns`: organisations of a learner that want columns of their own in the partners' report. */
export function addPartnerControl(app: FastifyInstance, lms: Lms): void {
  app.post('/_sandbox/partner-columns', { errorHandler: answerControlError }, async (request, reply) => {
    const given = parseControl(() => columnsSchema.parse(plainBodyOf(request)));
    const isKnown = await keepPartnerColumns(lms.pool, {
      username: given.username,
      orgsConfig: given.orgs_config,
      studentId: given.student_id,
    });
    if (!isKnown) throw new ControlError('the sandbox LMS has no learner with this username', 404);
    return reply.send({});
  });
}
