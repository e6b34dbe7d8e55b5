export const credentials = {
  clientId: 'bench',
  clientSecret: 'bench-secret',
  plainClientId: 'bench-plain',
  plainClientSecret: 'bench-plain-secret',
} as const;
