-- Every change of configuration and people is a record, which a trigger writes in the transaction of the change
-- (docs/decisions/0034). A writer appends the committed records to a Merkle log.

-- Records that wait for the writer. A record has no number before it is committed.
CREATE TABLE "audit_pending" (
  "id" UUID NOT NULL DEFAULT gen_random_uuid(),
  "at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
  "record" JSONB NOT NULL,

  CONSTRAINT "audit_pending_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "audit_trees" (
  "tree" INTEGER NOT NULL,
  "era" INTEGER NOT NULL,
  "public_key" TEXT NOT NULL,
  "sealed" BYTEA NOT NULL,
  "size" BIGINT NOT NULL DEFAULT 0,
  "checkpoint" TEXT,
  "first" BIGINT NOT NULL DEFAULT 0,
  "cut" TEXT,
  "published" BIGINT NOT NULL DEFAULT 0,
  "publishing_until" TIMESTAMPTZ(3),

  CONSTRAINT "audit_trees_pkey" PRIMARY KEY ("tree")
);

CREATE TABLE "audit_log" (
  "tree" INTEGER NOT NULL,
  "index" BIGINT NOT NULL,
  "at" TIMESTAMPTZ(6) NOT NULL,
  "kind" TEXT NOT NULL,
  "caller" TEXT,
  "sub" TEXT,
  "client_id" TEXT,
  "commitment" BYTEA NOT NULL,
  "salt" BYTEA,
  "record" TEXT,
  "signature" BYTEA NOT NULL,

  CONSTRAINT "audit_log_pkey" PRIMARY KEY ("tree", "index")
);

CREATE INDEX "audit_log_at_tree_index_idx" ON "audit_log"("at", "tree", "index");
CREATE INDEX "audit_log_caller_at_tree_index_idx" ON "audit_log"("caller", "at", "tree", "index");
CREATE INDEX "audit_log_sub_at_tree_index_idx" ON "audit_log"("sub", "at", "tree", "index");
CREATE INDEX "audit_log_client_id_at_tree_index_idx" ON "audit_log"("client_id", "at", "tree", "index");
CREATE INDEX "audit_log_kind_at_tree_index_idx" ON "audit_log"("kind", "at", "tree", "index");

CREATE TABLE "audit_tiles" (
  "tree" INTEGER NOT NULL,
  "level" INTEGER NOT NULL,
  "index" BIGINT NOT NULL,
  "hashes" BYTEA NOT NULL,

  CONSTRAINT "audit_tiles_pkey" PRIMARY KEY ("tree", "level", "index")
);

-- Hashes compress to nothing. The last tile of a level is written again and again.
ALTER TABLE "audit_tiles" ALTER COLUMN "hashes" SET STORAGE EXTERNAL;

-- Who makes the changes of this transaction. A program of Jeton says so in `jeton.actor`; what a person does by hand is that
-- person's. NULL if a program of Jeton does not say.
CREATE FUNCTION jeton_actor() RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
  said jsonb := nullif(current_setting('jeton.actor', true), '');
  program text := current_setting('application_name');
BEGIN
  IF program LIKE 'jeton%' THEN RETURN said; END IF;
  RETURN jsonb_build_object('kind', 'database_user', 'id', session_user, 'program', program, 'ip', host(inet_client_addr()))
    || coalesce(said, '{}');
END $$;

-- The key of a row, as a text.
CREATE FUNCTION jeton_audit_key(one jsonb, arguments text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  keys text[] := string_to_array(arguments[0], ',');
BEGIN
  RETURN concat_ws(' ', one ->> keys[1], one ->> keys[2], one ->> keys[3], one ->> keys[4]);
END $$;

-- The record of a row that was created (no `before_row`), deleted (no `after_row`) or changed. NULL if nothing that counts was
-- changed.
-- actor: NULL for the server itself
-- arguments: those of the trigger, each a list with commas: the columns of the key, those that are withheld, those that are
-- ignored, those that the server may change without a record, as it does when it renews a hash, and who makes a change if the
-- program does not say.
CREATE FUNCTION jeton_audit_record(actor jsonb, name text, before_row jsonb, after_row jsonb, arguments text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
  one jsonb := coalesce(after_row, before_row);
  ignored text[] := string_to_array(arguments[2], ',');
  fallback text := split_part(arguments[4], ':', 2);
  is_unnamed boolean := actor IS NULL;
  changed text[];
  hidden text;
BEGIN
  IF is_unnamed THEN
    actor := CASE WHEN one ->> fallback IS NULL THEN '{"kind": "server", "id": "jeton"}'
      ELSE jsonb_build_object('kind', split_part(arguments[4], ':', 1), 'id', one ->> fallback) END;
  END IF;
  before_row := before_row - ignored;
  after_row := after_row - ignored;
  IF before_row IS NOT NULL AND after_row IS NOT NULL THEN
    changed := ARRAY(SELECT k FROM jsonb_object_keys(before_row) AS k WHERE before_row -> k <> after_row -> k);
    IF changed = '{}' OR is_unnamed AND changed <@ string_to_array(arguments[3], ',') THEN RETURN NULL; END IF;
    before_row := (SELECT jsonb_object_agg(k, before_row -> k) FROM unnest(changed) AS k);
    after_row := (SELECT jsonb_object_agg(k, after_row -> k) FROM unnest(changed) AS k);
  ELSE
    before_row := jsonb_strip_nulls(before_row);
    after_row := jsonb_strip_nulls(after_row);
  END IF;
  FOREACH hidden IN ARRAY string_to_array(arguments[1], ',') LOOP
    IF before_row -> hidden <> 'null' THEN before_row := before_row || jsonb_build_object(hidden, 'withheld'); END IF;
    IF after_row -> hidden <> 'null' THEN after_row := after_row || jsonb_build_object(hidden, 'withheld'); END IF;
  END LOOP;
  RETURN jsonb_build_object(
      'by', actor,
      'what', CASE WHEN before_row IS NULL THEN 'created' WHEN after_row IS NULL THEN 'deleted' ELSE 'changed' END,
      'table', name,
      'of', jeton_audit_key(one, arguments))
    || jsonb_strip_nulls(jsonb_build_object(
      'user', coalesce(one ->> 'sub', one ->> 'owner'),
      'client', coalesce(one ->> 'client_id', one ->> 'device_id', one ->> 'app_id')))
    || CASE WHEN before_row IS NULL THEN '{}' ELSE jsonb_build_object('before', before_row) END
    || CASE WHEN after_row IS NULL THEN '{}' ELSE jsonb_build_object('after', after_row) END;
END $$;

CREATE FUNCTION jeton_audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  actor jsonb := jeton_actor();
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO audit_pending (record) SELECT r FROM (
      SELECT jeton_audit_record(actor, TG_TABLE_NAME, NULL, to_jsonb(added), TG_ARGV) AS r FROM added OFFSET 0) records
    WHERE r IS NOT NULL;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO audit_pending (record) SELECT r FROM (
      SELECT jeton_audit_record(actor, TG_TABLE_NAME, to_jsonb(removed), NULL, TG_ARGV) AS r FROM removed OFFSET 0) records
    WHERE r IS NOT NULL;
  ELSE
    INSERT INTO audit_pending (record) SELECT r FROM (
      SELECT jeton_audit_record(actor, TG_TABLE_NAME, before_row, after_row, TG_ARGV) AS r
      FROM (SELECT jeton_audit_key(to_jsonb(removed), TG_ARGV) AS key, to_jsonb(removed) AS before_row FROM removed) o
      FULL JOIN (SELECT jeton_audit_key(to_jsonb(added), TG_ARGV) AS key, to_jsonb(added) AS after_row FROM added) n USING (key)
      OFFSET 0) records
    WHERE r IS NOT NULL;
  END IF;
  RETURN NULL;
END $$;

-- The same for the triggers of single rows, on tables that token requests write: only some of their changes are recorded.
CREATE FUNCTION jeton_audit_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_pending (record) SELECT r FROM (
    SELECT jeton_audit_record(jeton_actor(), TG_TABLE_NAME, CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
      CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END, TG_ARGV) AS r OFFSET 0) records
  WHERE r IS NOT NULL;
  RETURN NULL;
END $$;

-- Statements that token requests run call this one for the rare outcome that is recorded. A trigger would cost each request.
CREATE FUNCTION jeton_audit_event(name text, key text, what text, user_ text, client text, detail jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_pending (record) VALUES (jsonb_build_object(
      'by', coalesce(jeton_actor(), '{"kind": "server", "id": "jeton"}'),
      'what', what, 'table', name, 'of', key)
    || jsonb_strip_nulls(jsonb_build_object('user', user_, 'client', client, 'after', detail)));
  RETURN true;
END $$;

CREATE FUNCTION jeton_audit_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM jeton_audit_event(TG_TABLE_NAME, '', 'emptied', NULL, NULL, NULL);
  RETURN NULL;
END $$;

DO $$
DECLARE
  audited record;
  arguments text;
BEGIN
  FOR audited IN SELECT * FROM (VALUES
    ('apps', 'app_id', '', 'updated_at', '', ''),
    ('client_registrations', 'client_id', 'token_hash', 'fresh_until,expires_at', '', 'client:client_id'),
    ('client_secrets', 'id', 'hash,sealed,imported', '', 'hash,imported', ''),
    ('clients', 'client_id', '', 'updated_at', '', ''),
    ('consents', 'sub,client_id', '', 'given_at', '', 'person:sub'),
    ('deployment_epoch', 'id', '', '', '', ''),
    ('device_psks', 'device_id', 'sealed', '', '', ''),
    ('installation', 'id', 'lasting_keys', 'system_identifier,database_oid', '', ''),
    ('jobs', 'id', '', 'looked_at,done,after_time,after_id,holder,held_until,failures,updated_at', 'state,failure,finished_at', ''),
    ('registration_tokens', 'id', 'hash', '', '', ''),
    ('scopes', 'name', '', '', '', ''),
    ('signing_keys', 'kid', 'sealed_private', '', '', ''),
    ('things', 'app_id,vendor_thing_id', '', 'updated_at', '', ''),
    ('trusted_issuers', 'issuer', '', '', '', ''),
    ('uma_policies', 'id', '', '', '', 'client:client_id'),
    ('uma_policy_resources', 'policy_id,resource_id', '', '', '', ''),
    ('uma_resources', 'id', '', '', '', 'client:client_id'),
    ('user_identifiers', 'value', '', '', '', ''),
    ('users', 'sub', 'password_hash', 'updated_at', 'password_hash', '')
  ) AS t (name, keys, withheld, ignored, quiet, fallback) LOOP
    arguments := concat_ws(', ', quote_literal(audited.keys), quote_literal(audited.withheld), quote_literal(audited.ignored),
      quote_literal(audited.quiet), quote_literal(audited.fallback));
    EXECUTE format('CREATE TRIGGER audit_created AFTER INSERT ON %I REFERENCING NEW TABLE AS added
      FOR EACH STATEMENT EXECUTE FUNCTION jeton_audit(%s)', audited.name, arguments);
    EXECUTE format('CREATE TRIGGER audit_changed AFTER UPDATE ON %I REFERENCING OLD TABLE AS removed NEW TABLE AS added
      FOR EACH STATEMENT EXECUTE FUNCTION jeton_audit(%s)', audited.name, arguments);
    EXECUTE format('CREATE TRIGGER audit_deleted AFTER DELETE ON %I REFERENCING OLD TABLE AS removed
      FOR EACH STATEMENT EXECUTE FUNCTION jeton_audit(%s)', audited.name, arguments);
    EXECUTE format('CREATE TRIGGER audit_emptied AFTER TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION jeton_audit_emptied()', audited.name);
  END LOOP;
END $$;

-- Token requests update these tables, and name none of these columns.
CREATE TRIGGER audit_changed AFTER UPDATE OF sub, client_id, scope, user_epoch, client_epoch, auth_time, acr ON grants
  FOR EACH ROW EXECUTE FUNCTION jeton_audit_row('id', '', 'idle_expires_at,rotations,generation,retries', '', '');
CREATE TRIGGER audit_emptied AFTER TRUNCATE ON grants FOR EACH STATEMENT EXECUTE FUNCTION jeton_audit_emptied();

-- A session that its user opens, uses or ends is no record. One that an administrator ends is, and what is done by hand.
CREATE TRIGGER audit_ended AFTER UPDATE OF ended_at ON sessions FOR EACH ROW
  WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL AND current_setting('jeton.actor', true) <> ''
    AND current_setting('application_name') LIKE 'jeton%')
  EXECUTE FUNCTION jeton_audit_row('sid', 'id_hash', 'seen_at', '', '');
CREATE TRIGGER audit_by_hand AFTER INSERT OR UPDATE OR DELETE ON sessions FOR EACH ROW
  WHEN (current_setting('application_name') NOT LIKE 'jeton%')
  EXECUTE FUNCTION jeton_audit_row('sid', 'id_hash', 'seen_at', '', '');
CREATE TRIGGER audit_emptied AFTER TRUNCATE ON sessions FOR EACH STATEMENT EXECUTE FUNCTION jeton_audit_emptied();

-- An owner's answer is recorded, and not that somebody asks: token requests ask.
CREATE TRIGGER audit_created AFTER INSERT ON uma_approvals FOR EACH ROW WHEN (NEW.state <> 'pending')
  EXECUTE FUNCTION jeton_audit_row('resource_id,client_id,party,scope', '', 'asked_at', '', 'person:owner');
CREATE TRIGGER audit_changed AFTER UPDATE OF state, expires_at ON uma_approvals FOR EACH ROW
  WHEN (NEW.state <> 'pending' AND (OLD.state <> NEW.state OR OLD.expires_at IS DISTINCT FROM NEW.expires_at))
  EXECUTE FUNCTION jeton_audit_row('resource_id,client_id,party,scope', '', 'asked_at', '', 'person:owner');
CREATE TRIGGER audit_deleted AFTER DELETE ON uma_approvals FOR EACH ROW
  WHEN (OLD.state <> 'pending' AND coalesce(OLD.expires_at > now(), true))
  EXECUTE FUNCTION jeton_audit_row('resource_id,client_id,party,scope', '', 'asked_at', '', 'person:owner');
CREATE TRIGGER audit_emptied AFTER TRUNCATE ON uma_approvals FOR EACH STATEMENT EXECUTE FUNCTION jeton_audit_emptied();
