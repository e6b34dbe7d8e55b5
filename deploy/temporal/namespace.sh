#!/bin/sh
# Creates the namespace TEMPORAL_NAMESPACE where it is missing. Safe to repeat.
set -eu

# A closed workflow can be looked at for this long; PostgreSQL keeps what matters for good.
retention=30d

# A server that has just become healthy may still refuse its first requests.
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then exit 0; fi
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$retention" || true
  sleep 2
done
echo "the namespace $TEMPORAL_NAMESPACE could not be created" >&2
exit 1
