// One set-up at a time: two that run `npm ci` in the same folder would delete each other's packages.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.mjs";
import { Stop } from "./run.mjs";

const folder = join(root, ".holdpoint");
const path = join(folder, "setup.lock");

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function tryLock() {
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(path, String(process.pid), { flag: "wx" });
    return undefined;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  const holder = existsSync(path) ? Number(readFileSync(path, "utf8")) : 0;
  // Empty for the moment between the creation of the file and the write of the number.
  if (holder > 0 && !isAlive(holder)) {
    rmSync(path, { force: true });
    return tryLock();
  }
  return holder || "?";
}

/** Runs `body` while no other process of this project does the same. */
export async function withLock(body, timeoutMs) {
  const until = Date.now() + timeoutMs;
  let told = false;
  for (;;) {
    const holder = tryLock();
    if (holder === undefined) break;
    if (!told) console.log(`holdpoint: waiting for the set-up that process ${holder} is doing`);
    told = true;
    if (Date.now() > until) {
      throw new Stop(
        `holdpoint: process ${holder} still holds ${path}. If it hangs, end it and delete that file.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const release = () => rmSync(path, { force: true });
  process.once("exit", release);
  try {
    return await body();
  } finally {
    process.off("exit", release);
    release();
  }
}
