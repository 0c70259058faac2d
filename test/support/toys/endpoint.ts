import type { FastifyPluginAsync } from "fastify";
import { pat } from "../../../src/endpoints/uma/pat.js";

declare module "../../../src/endpoints/operations.js" {
  interface Operations {
    ringDoorbell: { readonly rung_by: string; readonly note: object | undefined };
  }
}

/** A resource server rings a bell and leaves a note. */
export const toyEndpoint: FastifyPluginAsync = async (app) => {
  app.operations.offer("ringDoorbell", {
    guard: pat,
    metadata: { member: "doorbell_endpoint", documents: "all" },
    run: async ({ document }, _core, { client }) => ({ rung_by: client.client_id, note: document }),
  });
};
