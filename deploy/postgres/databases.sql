-- Run once, by the image of PostgreSQL, when the data folder is new: a role and databases for each of the two tenants.
\getenv registrar_password REGISTRAR_DB_PASSWORD
\getenv temporal_password TEMPORAL_DB_PASSWORD

create role registrar login password :'registrar_password';
create database registrar owner registrar;

create role temporal login password :'temporal_password';
create database temporal owner temporal;
create database temporal_visibility owner temporal;

-- Neither may look into the other's data, where learners' names are.
revoke connect on database registrar, temporal, temporal_visibility from public;
