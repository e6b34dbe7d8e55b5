#!/bin/sh
# Dumps Registrar's database and both of Temporal's into the folder given, each a file of pg_restore's format. The files hold learners'
# names: they are for their owner only. Deletes nothing. PG… say where the server is.
set -eu
umask 077

folder=$1
stamp=$(date -u +%Y-%m-%dT%H%M%SZ)
# Half a dump must not look like a whole one.
draft=$folder/.$stamp
trap 'rm -rf "$draft"' EXIT
mkdir "$draft"

for database in registrar temporal temporal_visibility; do
  pg_dump --format=custom --file="$draft/$database.dump" "$database"
done
mv "$draft" "$folder/$stamp"
echo "$folder/$stamp"
