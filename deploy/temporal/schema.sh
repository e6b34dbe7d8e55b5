#!/bin/sh
# Brings Temporal's two databases to the schema of this image's version. Safe to repeat; SQL_… say where they are.
set -eu

bring_up_to_date() {
  temporal-sql-tool --database "$1" setup-schema --version 0.0
  temporal-sql-tool --database "$1" update-schema --schema-name "postgresql/v12/$2"
}

bring_up_to_date temporal temporal
bring_up_to_date temporal_visibility visibility
