-- What login names are compared by where people choose their own (src/accounts/look-alike.ts).
ALTER TABLE "user_identifiers" ADD COLUMN "skeleton" TEXT;
CREATE INDEX "user_identifiers_skeleton" ON "user_identifiers" ("skeleton") WHERE "skeleton" IS NOT NULL;

-- In which form identifiers are stored; a server or a command brings them to the present one.
ALTER TABLE "installation" ADD COLUMN "identifier_form" INTEGER NOT NULL DEFAULT 0;

-- Every name of an account, so that none means two (docs/decisions/0016): what people log in with, subs and client ids. The
-- primary key decides between two instances. Ids are compared as a command compares them, without regard to case.
CREATE TABLE "account_names" (
    "name" TEXT NOT NULL,
    "login_of" TEXT,
    "subs" TEXT[] NOT NULL DEFAULT '{}',
    "client_ids" TEXT[] NOT NULL DEFAULT '{}',
    "deleted_subs" TEXT[] NOT NULL DEFAULT '{}',

    CONSTRAINT "account_names_pkey" PRIMARY KEY ("name"),
    -- A login name is called so by nobody else, and an id is the same for ever.
    CONSTRAINT "account_names_one_account" CHECK (
      (login_of IS NULL OR (subs <@ ARRAY[login_of] AND client_ids = '{}' AND deleted_subs = '{}'))
      AND NOT subs && client_ids AND NOT subs && deleted_subs AND NOT client_ids && deleted_subs)
);

-- Clients that were deleted: one that is made under the same id begins after every token of the earlier one.
CREATE TABLE "deleted_clients" (
    "client_id" TEXT NOT NULL,
    "token_epoch" INTEGER NOT NULL,

    CONSTRAINT "deleted_clients_pkey" PRIMARY KEY ("client_id")
);

INSERT INTO account_names AS n (name, subs)
SELECT lower(sub COLLATE "C"), array_agg(sub) FROM users GROUP BY 1;
INSERT INTO account_names AS n (name, client_ids)
SELECT lower(client_id COLLATE "C"), array_agg(client_id) FROM clients GROUP BY 1
ON CONFLICT (name) DO UPDATE SET client_ids = excluded.client_ids;
INSERT INTO account_names AS n (name, login_of) SELECT value, sub FROM user_identifiers
ON CONFLICT (name) DO UPDATE SET login_of = excluded.login_of;

-- The names replace a check that two instances could both pass.
DROP TRIGGER "clients_apart" ON "clients";
DROP TRIGGER "users_apart" ON "users";
DROP FUNCTION "jeton_keep_subjects_apart"();

-- Each function works on all rows of a statement, and takes the names in one order, so that two statements never wait for
-- each other. `added` and `removed` are those rows.
CREATE FUNCTION jeton_users_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO account_names AS n (name, subs)
  SELECT lower(sub COLLATE "C"), array_agg(sub) FROM added GROUP BY 1 ORDER BY 1
  ON CONFLICT (name) DO UPDATE SET subs = ARRAY(SELECT unnest(n.subs) UNION SELECT unnest(excluded.subs));
  RETURN NULL;
EXCEPTION WHEN check_violation THEN
  RAISE EXCEPTION 'the identifier is in use' USING ERRCODE = 'unique_violation';
END
$$;

-- The sub of somebody who is gone is never used again: tokens, logs and resource servers still know it.
CREATE FUNCTION jeton_users_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO account_names AS n (name, deleted_subs)
  SELECT lower(sub COLLATE "C"), array_agg(sub) FROM removed GROUP BY 1 ORDER BY 1
  ON CONFLICT (name) DO UPDATE SET
    subs = ARRAY(SELECT unnest(n.subs) EXCEPT SELECT unnest(excluded.deleted_subs)),
    deleted_subs = ARRAY(SELECT unnest(n.deleted_subs) UNION SELECT unnest(excluded.deleted_subs));
  RETURN NULL;
END
$$;

CREATE FUNCTION jeton_clients_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO account_names AS n (name, client_ids)
  SELECT lower(client_id COLLATE "C"), array_agg(client_id) FROM added GROUP BY 1 ORDER BY 1
  ON CONFLICT (name) DO UPDATE SET
    client_ids = ARRAY(SELECT unnest(n.client_ids) UNION SELECT unnest(excluded.client_ids));
  UPDATE clients c SET token_epoch = d.token_epoch + 1
  FROM deleted_clients d JOIN added USING (client_id)
  WHERE c.client_id = d.client_id AND c.token_epoch <= d.token_epoch;
  RETURN NULL;
EXCEPTION WHEN check_violation THEN
  RAISE EXCEPTION 'the identifier is in use' USING ERRCODE = 'unique_violation';
END
$$;

CREATE FUNCTION jeton_clients_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO deleted_clients AS d (client_id, token_epoch) SELECT client_id, token_epoch FROM removed ORDER BY 1
  ON CONFLICT (client_id) DO UPDATE SET token_epoch = greatest(d.token_epoch, excluded.token_epoch);
  UPDATE account_names n SET client_ids = array_remove(n.client_ids, r.client_id)
  FROM removed r WHERE n.name = lower(r.client_id COLLATE "C");
  DELETE FROM account_names n USING removed r
  WHERE n.name = lower(r.client_id COLLATE "C")
    AND n.login_of IS NULL AND n.subs = '{}' AND n.client_ids = '{}' AND n.deleted_subs = '{}';
  RETURN NULL;
END
$$;

CREATE FUNCTION jeton_identifiers_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    UPDATE account_names n SET login_of = NULL FROM removed r WHERE n.name = r.value AND n.login_of = r.sub;
    DELETE FROM account_names n USING removed r
    WHERE n.name = r.value
      AND n.login_of IS NULL AND n.subs = '{}' AND n.client_ids = '{}' AND n.deleted_subs = '{}';
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO account_names AS n (name, login_of) SELECT value, sub FROM added ORDER BY value COLLATE "C"
    ON CONFLICT (name) DO UPDATE SET login_of = excluded.login_of;
  END IF;
  RETURN NULL;
EXCEPTION WHEN check_violation THEN
  RAISE EXCEPTION 'the identifier is in use' USING ERRCODE = 'unique_violation';
END
$$;

CREATE TRIGGER users_added AFTER INSERT ON users REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION jeton_users_added();
CREATE TRIGGER users_removed AFTER DELETE ON users REFERENCING OLD TABLE AS removed
  FOR EACH STATEMENT EXECUTE FUNCTION jeton_users_removed();
CREATE TRIGGER clients_added AFTER INSERT ON clients REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION jeton_clients_added();
CREATE TRIGGER clients_removed AFTER DELETE ON clients REFERENCING OLD TABLE AS removed
  FOR EACH STATEMENT EXECUTE FUNCTION jeton_clients_removed();
CREATE TRIGGER user_identifiers_added AFTER INSERT ON user_identifiers REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION jeton_identifiers_changed();
CREATE TRIGGER user_identifiers_updated AFTER UPDATE ON user_identifiers REFERENCING OLD TABLE AS removed NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION jeton_identifiers_changed();
CREATE TRIGGER user_identifiers_removed AFTER DELETE ON user_identifiers REFERENCING OLD TABLE AS removed
  FOR EACH STATEMENT EXECUTE FUNCTION jeton_identifiers_changed();

-- What is deleted with a person or a client is found by an index (src/store/deletion.ts).
CREATE INDEX "uma_resources_of_owner" ON "uma_resources" ("owner") WHERE "owner" IS NOT NULL;
CREATE INDEX "uma_policies_of_owner" ON "uma_policies" ("owner") WHERE "owner" IS NOT NULL;
CREATE INDEX "uma_approvals_party_idx" ON "uma_approvals" ("party");
CREATE INDEX "uma_approvals_client_id_idx" ON "uma_approvals" ("client_id");
