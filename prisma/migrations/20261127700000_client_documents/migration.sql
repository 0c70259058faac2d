-- Clients whose client_id is the URL of their metadata document: until when the document that was read last counts.
ALTER TABLE "client_registrations" ADD COLUMN "fresh_until" TIMESTAMPTZ(3);
