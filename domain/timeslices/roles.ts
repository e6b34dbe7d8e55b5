/** What a person is in a course, by the number in `courses_users.role`; only students are counted. */
export const roleNames = ['student', 'instructor', 'campus volunteer', 'online volunteer', 'staff'] as const;

export const STUDENT = 0;

export function roleName(role: number): string {
  return roleNames[role] ?? `role ${role}`;
}
