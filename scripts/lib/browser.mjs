// The browser in which the tests of the React components run.
import { accessSync, constants } from "node:fs";
import { Stop } from "./run.mjs";
import { which } from "./servers.mjs";

/** Names under which a Chromium is installed, the one of Debian first. */
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const APPLICATIONS = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of a Chromium, or undefined. HOLDPOINT_TEST_CHROMIUM names another one than that of the system. */
export function findChromium() {
  const given = process.env.HOLDPOINT_TEST_CHROMIUM;
  if (!given) return NAMES.map(which).find(Boolean) ?? APPLICATIONS.find(isProgram);
  const path = isProgram(given) ? given : which(given);
  if (!path) throw new Stop(`HOLDPOINT_TEST_CHROMIUM: ${given} is no program that can be started.`);
  return path;
}

/** For `ensurePrograms`. */
export const CHROMIUM = {
  program: "chromium",
  debian: "chromium",
  brew: "--cask chromium",
  what: "the tests of the React components",
  find: findChromium,
};
