// The subpaths of package.json and the optional packages that belong to them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../lib/root.mjs";

export const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** The code subpaths: ".", "./backends/sqlite", … */
export const subpaths = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === "object")
  .map(([subpath]) => subpath);

/** "holdpoint", "holdpoint/backends/sqlite", … */
export const specifierOf = (subpath) => `${manifest.name}${subpath.slice(1)}`;

/** The peers that a user need not have, and those that he must. */
export const optionalPeers = Object.keys(manifest.peerDependenciesMeta).sort();
export const requiredPeers = Object.keys(manifest.peerDependencies)
  .filter((name) => !optionalPeers.includes(name))
  .sort();

/**
 * The optional packages a subpath may load. `eager` says that the import alone may load them: a component library
 * cannot do without, a driver waits until it is used, so that one can import the class and hand in a client.
 */
export const OWNERS = {
  "./backends/sqlite": { may: ["better-sqlite3"], eager: false },
  "./backends/redis": { may: ["ioredis"], eager: false },
  "./backends/postgres": { may: ["pg"], eager: false },
  "./react": { may: ["react"], eager: true },
};
