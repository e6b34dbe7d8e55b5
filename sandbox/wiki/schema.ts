import type { OwnedSchema } from '../shell/owned-schema.ts';

/**
 * As MediaWiki keeps them: a deleted page is gone from `pages`, its revisions wait in `archive` under the title, with
 * the id that the page had. `parent_id` 0 is a revision that created its page. An actor's id is the user's id too.
 */
const tables = `
create table actors (
  id bigserial primary key,
  name text not null unique
);
create table pages (
  id bigserial primary key,
  namespace integer not null,
  title text not null,
  latest_id bigint not null default 0,
  restored_id bigint,
  redirects_to_namespace integer,
  redirects_to_title text,
  unique (namespace, title)
);
comment on column pages.restored_id is 'the latest revision when the page was undeleted: until the next edit the page counts as new';
create table revisions (
  id bigserial primary key,
  page_id bigint not null references pages,
  actor_id bigint not null references actors,
  at timestamptz(0) not null,
  parent_id bigint not null,
  length integer not null check (length >= 0),
  sizediff integer not null,
  tags text[] not null,
  refs integer not null,
  text_hidden boolean not null default false,
  user_hidden boolean not null default false,
  suppressed boolean not null default false
);
comment on column revisions.refs is 'how many references the page has in this revision';
create index revisions_of_actor on revisions (actor_id, at, id);
create index revisions_of_page on revisions (page_id, at, id);
create table archive (
  namespace integer not null,
  title text not null,
  like revisions,
  primary key (id)
);
create index archive_title on archive (namespace, title);
`;

export const wikiSchema: OwnedSchema = {
  owner: 'sandbox wiki',
  mark: { table: 'actors', maker: 'sandbox wiki' },
  version: 1,
  tables,
};
