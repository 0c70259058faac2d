-- The longest lifetime of signed tokens, which a rotation of keys asks for, is the first of this index.
CREATE INDEX "clients_access_token_format_access_token_lifetime_idx" ON "clients" ("access_token_format", "access_token_lifetime");

-- Clients that have pages at all: most of a large deployment are devices or machines.
CREATE INDEX "clients_with_pages" ON "clients" ("client_id") WHERE "redirect_uris" <> '{}' OR "web_origins" <> '{}';

-- People in the order in which they are listed, so that a page of them is one range.
CREATE INDEX "users_preferred_username_sub_idx" ON "users" ("preferred_username", "sub");
