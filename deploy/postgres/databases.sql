-- Run once, by the image of PostgreSQL, when the data folder is new: databases for the two tenants, a role for Temporal, and two for
-- Registrar: the owner of the tables, which only `registrar setup` uses, and the role of workers and commands, whose
-- rights `registrar setup` grants (REGISTRAR_WORKER_ROLE=registrar_worker).
\getenv registrar_password REGISTRAR_DB_PASSWORD
\getenv worker_password REGISTRAR_WORKER_DB_PASSWORD
\getenv temporal_password TEMPORAL_DB_PASSWORD

create role registrar login password :'registrar_password';
create role registrar_worker login password :'worker_password';
create database registrar owner registrar;

create role temporal login password :'temporal_password';
create database temporal owner temporal;
create database temporal_visibility owner temporal;

-- Nobody may look into the other's data, where learners' names are.
revoke all on database registrar, temporal, temporal_visibility from public;
grant connect on database registrar to registrar_worker;
