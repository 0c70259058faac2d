-- The hash that another system made of a secret, sealed.
ALTER TABLE "client_secrets" ADD COLUMN "imported" BYTEA;

-- Until now these two keys of a user were kept as claims. An entry that has them is written again when it is next applied.
DELETE FROM provisioned_entries p USING users u
  WHERE p.kind = 'users' AND p.id = u.sub AND u.claims ?| ARRAY['password_hash', 'client_secret_hash'];
UPDATE users SET claims = claims - ARRAY['password_hash', 'client_secret_hash']
  WHERE claims ?| ARRAY['password_hash', 'client_secret_hash'];
