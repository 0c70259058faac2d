import { writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import { isMainThread } from "node:worker_threads";

/**
 * Imported by a process before its program (`node --import`). When the process ends, it writes the URL of every script that its
 * main thread has loaded, WebAssembly included, to the file LOADED_SCRIPTS as JSON.
 */
if (isMainThread) {
  process.on("exit", () => {
    const session = new Session();
    const urls: string[] = [];
    session.on("Debugger.scriptParsed", ({ params }) => urls.push(params.url));
    session.connect();
    session.post("Debugger.enable");
    writeFileSync(process.env.LOADED_SCRIPTS!, JSON.stringify(urls));
  });
}
