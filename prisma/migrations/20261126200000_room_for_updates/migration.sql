-- Requests update these rows and no column of an index. Where the page of a row has room, the new version needs no entry in any
-- index. So new pages keep some of it free (docs/decisions/0015).
ALTER TABLE "sessions" SET (fillfactor = 85);
ALTER TABLE "interactions" SET (fillfactor = 70);
ALTER TABLE "tries" SET (fillfactor = 85);
ALTER TABLE "confirmation_codes" SET (fillfactor = 85);
ALTER TABLE "uma_tickets" SET (fillfactor = 85);
ALTER TABLE "dialect_usage" SET (fillfactor = 85);

-- The room of deleted rows is used again after a vacuum. By default a fifth of the table has to be deleted before one.
ALTER TABLE "grants" SET (autovacuum_vacuum_scale_factor = 0.05);
