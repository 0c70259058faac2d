#!/usr/bin/env node
// Loading the server takes a second, in which SIGHUP would end the process. So its handler comes first.
process.on("SIGHUP", () => {});
await import("./serve.js");
