/**
 * Which calls need you. The tools know nothing of it: this decides, just before each of them runs. What a tool asks by itself
 * (which of equal files stays, how to sort) is about what it shall do, and not whether it may.
 */
import { definePolicy, type Policy, type PolicyCallView } from "holdpoint/policy";
import { count, visibleShort } from "./format.ts";
import { locate, PathProblem } from "./paths.ts";

/** For whom the agent works: approvals for later runs, too, are this user's. The state folder is one person's. */
export const USER = "local";

/** What an edit is about; the other arguments say which file is meant. Any other tool: all of its arguments. */
export const EDITABLE: Readonly<Record<string, readonly string[]>> = {
  rename_file: ["name"],
  move_file: ["folder"],
};

export function tidyPolicy(root: string): Policy {
  return definePolicy({
    rules: [
      {
        id: "outside",
        // The function sees the folder from outside, which no version can say; the rule is read again before each call.
        version: "1",
        when: async ({ args }) => !(await areInside(root, pathsOf(args))),
        verdict: "deny",
        message: "This leads out of the folder, so it did not run.",
      },
      { id: "look", for: "find_*", verdict: "allow" },
      { id: "asks-itself", for: ["keep_one", "sort_loose_files", "empty_trash"], verdict: "allow" },
      {
        id: "rename",
        for: "rename_file",
        verdict: "ask",
        risk_level: "low",
        allowed_decisions: ["approve_once", "edit", "reject"],
        message: ({ args }) => `Rename ${textOf(args, "path")} to ${textOf(args, "name")}?`,
      },
      {
        id: "move",
        for: "move_file",
        verdict: "ask",
        risk_level: "low",
        allowed_decisions: ["approve_once", "approve_always", "edit", "reject"],
        // Approve always is for a kind of file and a folder, whichever file it is.
        grant: { scopes: ["session", "user"], args: ["ending", "folder"] },
        message: ({ args }) => `Move ${textOf(args, "path")} into the folder ${textOf(args, "folder")}?`,
      },
      {
        id: "trash-large",
        for: "trash_large_file",
        verdict: "ask",
        risk_level: "medium",
        message: ({ args }) =>
          `Move ${textOf(args, "path")} to the trash folder? It is one of the largest files here.`,
      },
      {
        id: "trash-stale",
        for: "trash_stale_files",
        verdict: "ask",
        risk_level: "medium",
        allowed_decisions: ["approve_once", "edit", "reject"],
        message: ({ args }) =>
          `Move ${count(pathsOf(args).length, "file")} that nobody has changed for a long time to the trash folder?`,
      },
      // Asked for by empty_trash, in its own words, when it knows what there is.
      { id: "delete", for: "delete_files", verdict: "ask", risk_level: "high" },
    ],
    // A tool that is new here is not one that somebody has thought about.
    default: "deny",
  });
}

type Args = PolicyCallView["args"];

function textOf(args: Args, name: string): string {
  const value = args[name];
  return typeof value === "string" ? visibleShort(value) : "?";
}

/** Whatever a model has made of them: what is no text is for the tool's schema to refuse. */
function pathsOf({ path, paths, folder }: Args): readonly string[] {
  return [path, folder, ...(Array.isArray(paths) ? paths : [])].filter((value) => typeof value === "string");
}

async function areInside(root: string, paths: readonly string[]): Promise<boolean> {
  try {
    for (const path of paths) await locate(root, path);
    return true;
  } catch (error) {
    if (error instanceof PathProblem) return false;
    throw error;
  }
}
