#!/usr/bin/env node
// Loading the server takes a second, in which SIGHUP would end the process: so it is listened for first.
process.on("SIGHUP", () => {});
await import("./serve.js");
