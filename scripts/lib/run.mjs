// Child processes with their output shown, their signals passed on and their end reported.
import { spawn } from "node:child_process";
import { root } from "./root.mjs";

/**
 * Runs a command to its end.
 *
 * `group` gives the child its own process group, so that a timeout ends its children too; npm's install scripts
 * are grandchildren. A child without a group gets Ctrl-C from the terminal itself, and a second one from us would
 * look like an impatient user.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: object, timeoutMs?: number, group?: boolean, stdio?: import("node:child_process").StdioOptions, shell?: boolean }} [options]
 * @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null, timedOut: boolean }>}
 */
export function run(
  command,
  args,
  { env = {}, timeoutMs = 0, group = false, stdio = "inherit", shell = false } = {},
) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio,
      shell,
      detached: group && process.platform !== "win32",
    });
    const end = (signal) => {
      try {
        if (group && process.platform !== "win32") process.kill(-child.pid, signal);
        else child.kill(signal);
      } catch {
        // It has ended in the meantime.
      }
    };
    let timedOut = false;
    let force;
    const timer =
      timeoutMs > 0 &&
      setTimeout(() => {
        timedOut = true;
        end("SIGTERM");
        force = setTimeout(() => end("SIGKILL"), 5_000);
      }, timeoutMs);
    /** @type {NodeJS.Signals[]} */
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
    const pass = (signal) => {
      if (signal !== "SIGINT" || group || !process.stdin.isTTY) end(signal);
    };
    for (const signal of signals) process.on(signal, pass);
    const settle = (how) => {
      if (timer) clearTimeout(timer);
      clearTimeout(force);
      for (const signal of signals) process.off(signal, pass);
      how();
    };
    child.once("error", (error) => settle(() => reject(error)));
    child.once("close", (code, signal) => settle(() => resolve({ code, signal, timedOut })));
  });
}

/** Ends this process the way the child ended: by the same signal or with the same code. */
export function endLike({ code, signal }) {
  if (signal) process.kill(process.pid, signal);
  else process.exitCode = code ?? 1;
}

/** How to start npm: the one that started us, else the one in PATH (a .cmd file on Windows needs a shell). */
export function npmCommand() {
  const path = process.env.npm_execpath;
  if (path && /npm-cli\.c?js$/.test(path)) return { command: process.execPath, args: [path], shell: false };
  return { command: "npm", args: [], shell: process.platform === "win32" };
}

/** "0.4 s", "1 min 12 s". */
export function duration(ms) {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** A failure whose message tells all: no stack. */
export class Stop extends Error {}

/** Runs a script's main function; a `Stop` is printed and makes the exit code 1. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    console.error(error instanceof Stop ? error.message : error);
    process.exitCode = 1;
  }
}
