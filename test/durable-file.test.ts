import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { systemRandom } from "../src/clock.js";
import { createFile, replaceFile } from "../src/durable-file.js";

t.test("durable files", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "jeton-durable-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "file");

  t.test("of several processes that create a file at once, one wins and its text stays", async (t) => {
    const texts = ["a", "b", "c", "d"];
    const created = await Promise.all(texts.map((text) => createFile(path, text, systemRandom)));
    t.equal(created.filter(Boolean).length, 1);
    t.equal(await readFile(path, "utf8"), texts[created.indexOf(true)]);
    t.strictSame(await readdir(folder), ["file"], "no draft is left");
    if (process.platform !== "win32") t.equal((await stat(path)).mode & 0o777, 0o600);
  });

  t.test("a file is replaced whole, and returns what its writer returned", async (t) => {
    const write = async (file: { appendFile(text: string): Promise<void> }) => {
      await file.appendFile("new ");
      await file.appendFile("text");
      return 8;
    };
    t.equal(await replaceFile(path, write, systemRandom), 8);
    t.equal(await readFile(path, "utf8"), "new text");
    t.strictSame(await readdir(folder), ["file"]);
  });

  t.test("a write that fails leaves the earlier file and no draft", async (t) => {
    await writeFile(path, "earlier");
    const fails = async () => Promise.reject(new Error("the source of the lines ended"));
    await t.rejects(replaceFile(path, fails, systemRandom), { message: "the source of the lines ended" });
    t.equal(await readFile(path, "utf8"), "earlier");
    t.strictSame(await readdir(folder), ["file"]);
  });

  t.test("a draft that cannot get its name is removed", async (t) => {
    await t.rejects(replaceFile(folder, async (file) => file.writeFile("text"), systemRandom));
    const drafts = (await readdir(tmpdir())).filter((name) => join(tmpdir(), name).startsWith(`${folder}.new-`));
    t.strictSame(drafts, []);
  });
});
