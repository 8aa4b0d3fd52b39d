import { HoldpointError } from "../../core/errors.ts";
import { checkShards, DEFAULT_SHARDS, KeySpace, metaKey } from "./keys.ts";
import type { Link } from "./link.ts";
import type { CheckedOptions } from "./options.ts";
import { checkServer } from "./server.ts";

/** Of keys and packed records. A store of a newer version is refused. */
export const STORE_SCHEMA_VERSION = 1;

/**
 * The first opener fixes the number of shards; the others adopt it. Servers that would lose records are refused
 * before anything is written.
 *
 * @throws HoldpointError `ERR_HITL_STORE_SCHEMA` if another number was asked for, or a newer release made the store
 * @throws HoldpointError `ERR_HITL_STORE` if a server is not fit, see server.ts
 */
export async function openKeySpace(link: Link, options: CheckedOptions): Promise<KeySpace> {
  const { prefix, shards } = options;
  const key = metaKey(prefix);
  const proposed = JSON.stringify({ schema_version: STORE_SCHEMA_VERSION, shards: shards ?? DEFAULT_SHARDS });
  for (const info of await link.info()) checkServer(info, options);
  const read = (): Promise<unknown> => link.call(["GET", key], "reads");
  // Written only by the first opener: whoever reads a store does not wait for its replicas.
  let known = await read();
  if (known === null) {
    await link.call(["SET", key, proposed, "NX"], "writes");
    known = await read();
  }
  const found = parseMeta(key, known);
  if (found.schema_version > STORE_SCHEMA_VERSION) {
    throw new HoldpointError(
      "ERR_HITL_STORE_SCHEMA",
      `${key} has schema_version ${found.schema_version}; this release knows ${STORE_SCHEMA_VERSION}. Upgrade holdpoint on this machine.`,
      { details: { found: found.schema_version, newest: STORE_SCHEMA_VERSION } },
    );
  }
  if (shards !== undefined && shards !== found.shards) {
    throw new HoldpointError(
      "ERR_HITL_STORE_SCHEMA",
      `The store has ${found.shards} shards, not ${shards}. The number is fixed when a store is made: leave the option out, or use another prefix.`,
      { details: { found: found.shards, asked: shards } },
    );
  }
  return new KeySpace(prefix, found.shards);
}

function parseMeta(key: string, text: unknown): { schema_version: number; shards: number } {
  try {
    const meta = JSON.parse(String(text)) as { schema_version?: unknown; shards?: unknown } | null;
    const { schema_version, shards } = meta ?? {};
    if (typeof schema_version === "number" && schema_version >= 1 && typeof shards === "number") {
      // A newer schema may know other numbers: its version is what has to be reported.
      return { schema_version, shards: schema_version > STORE_SCHEMA_VERSION ? shards : checkShards(shards) };
    }
  } catch {
    // Falls through to the one error that says what to do.
  }
  throw new HoldpointError(
    "ERR_HITL_STORE_SCHEMA",
    `${key} does not describe a store of holdpoint. Use a prefix that nothing else uses.`,
  );
}
