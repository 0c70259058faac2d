-- Clients are told when a session ends (OpenID Connect Back-Channel Logout 1.0 and Front-Channel Logout 1.0).
ALTER TABLE "clients" ADD COLUMN "backchannel_logout_uri" TEXT,
ADD COLUMN "backchannel_logout_session_required" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN "frontchannel_logout_uri" TEXT,
ADD COLUMN "frontchannel_logout_session_required" BOOLEAN NOT NULL DEFAULT false;

CREATE TABLE "logout_notices" (
  "client_id" TEXT NOT NULL,
  "sub" TEXT NOT NULL,
  "sid" TEXT NOT NULL,
  "attempts" INTEGER NOT NULL DEFAULT 0,
  "due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT '1970-01-01 00:00:00+00',

  CONSTRAINT "logout_notices_pkey" PRIMARY KEY ("client_id", "sub", "sid")
);

CREATE INDEX "logout_notices_due_at_idx" ON "logout_notices"("due_at");

-- Triggers write the notices, so that every way of ending a session does, with the ones that are added later.

-- The clients that got an id_token in a session, when it ends.
CREATE FUNCTION jeton_session_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO logout_notices (client_id, sub, sid)
  SELECT DISTINCT g.client_id, g.sub, g.sid
  FROM grants g JOIN clients c ON c.client_id = g.client_id
  WHERE g.sid = NEW.sid AND g.code_uses > 0 AND 'openid' = ANY (g.scope)
    AND c.backchannel_logout_uri IS NOT NULL AND NOT c.disabled
  ON CONFLICT (client_id, sub, sid) DO UPDATE SET attempts = 0, due_at = '1970-01-01 00:00:00+00';
  RETURN NULL;
END $$;

CREATE TRIGGER sessions_ended AFTER UPDATE OF ended_at ON sessions
  FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION jeton_session_ended();

-- The clients of a user, when everything of that user ends. A client that needs no sid is told once, for all its sessions.
CREATE FUNCTION jeton_user_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO logout_notices (client_id, sub, sid)
  SELECT DISTINCT g.client_id, g.sub, CASE WHEN c.backchannel_logout_session_required THEN g.sid ELSE '' END
  FROM grants g JOIN clients c ON c.client_id = g.client_id
  WHERE g.sub = NEW.sub AND g.ended_at IS NULL
    -- Grants of an earlier epoch ended before, and their clients were told then.
    AND g.user_epoch = OLD.token_epoch + coalesce((SELECT d.token_epoch FROM deployment_epoch d), 0)
    AND (g.code_expires_at IS NULL OR g.code_uses > 0) AND 'openid' = ANY (g.scope)
    AND c.backchannel_logout_uri IS NOT NULL AND NOT c.disabled
    AND (g.sid IS NOT NULL OR NOT c.backchannel_logout_session_required)
  ON CONFLICT (client_id, sub, sid) DO UPDATE SET attempts = 0, due_at = '1970-01-01 00:00:00+00';
  RETURN NULL;
END $$;

CREATE TRIGGER users_ended AFTER UPDATE OF token_epoch, disabled ON users
  FOR EACH ROW WHEN (OLD.token_epoch <> NEW.token_epoch OR NEW.disabled AND NOT OLD.disabled)
  EXECUTE FUNCTION jeton_user_ended();

CREATE TRIGGER logout_notices_notify AFTER INSERT OR UPDATE ON logout_notices
  FOR EACH ROW WHEN (NEW.attempts = 0) EXECUTE FUNCTION jeton_notify('logouts');
