-- A page of the grants of a client is one range, however many grants it has. The minute has many equal values, which an index stores
-- in little space. Requests can write while the index is built.
CREATE INDEX CONCURRENTLY "grants_of_client" ON "grants" ("client_id", date_bin('1 minute', "created_at", TIMESTAMPTZ '2000-01-01 00:00:00+00'));
