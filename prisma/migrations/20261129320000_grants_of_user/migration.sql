-- The same for a user. A migration with an index that is built beside requests has no other statement.
CREATE INDEX CONCURRENTLY "grants_sub_created_at_idx" ON "grants" ("sub", "created_at");
