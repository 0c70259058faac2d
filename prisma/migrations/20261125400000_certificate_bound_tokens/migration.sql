-- Whether a client's tokens are bound to the certificate it shows, whatever method it authenticates by (RFC 8705 section 3.4).
ALTER TABLE "clients" ADD COLUMN "tls_client_certificate_bound_access_tokens" BOOLEAN NOT NULL DEFAULT false;
