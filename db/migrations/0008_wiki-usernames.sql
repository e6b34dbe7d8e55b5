-- Up Migration

-- More ways in which wikis read two spellings as one name: composed and decomposed letters, marks of direction that come along
-- when a name is copied from a page, other spaces, and the prefix of user pages.
drop index users_wiki_username;

create or replace function wiki_username(username text) returns text language sql immutable strict parallel safe as $$
  select upper(left(plain, 1)) || substr(plain, 2)
  from (
    select regexp_replace(
      btrim(regexp_replace(
        regexp_replace(normalize(username, nfc), '[\u200E\u200F\u202A-\u202E\u2066-\u2069]', '', 'g'),
        '[ _\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]+', ' ', 'g')),
      '^user *: *', '', 'i') as plain) spaced
$$;

create unique index users_wiki_username on users (wiki_username(username));
