import { link, mkdir, readFile, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { deleteFile, moveFile, trashFile } from "../../../examples/tidy/files.ts";
import { look } from "../../../examples/tidy/paths.ts";
import { tempFolder, treeOf } from "./kit.ts";

async function folderWith(files: Record<string, string>): Promise<string> {
  const root = await tempFolder();
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(root, path, ".."), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

describe("moving", () => {
  test("done, then found done", async () => {
    const root = await folderWith({ "a.txt": "one" });
    const seen = await look(root, "a.txt");
    expect(await moveFile(root, seen, "sub/b.txt")).toMatchObject({ op: "move", outcome: "done", bytes: 3 });
    expect(await moveFile(root, seen, "sub/b.txt")).toMatchObject({ outcome: "found_done" });
    expect(await treeOf(root)).toEqual(["sub/b.txt"]);
  });

  test("a process that died between the two halves left both names: the second half is done", async () => {
    const root = await folderWith({ "a.txt": "one" });
    const seen = await look(root, "a.txt");
    await link(join(root, "a.txt"), join(root, "b.txt"));
    expect(await moveFile(root, seen, "b.txt")).toMatchObject({ outcome: "done" });
    expect(await treeOf(root)).toEqual(["b.txt"]);
  });

  test("never replaces a file, even one with the same content", async () => {
    for (const content of ["other", "one"]) {
      const root = await folderWith({ "a.txt": "one", "b.txt": content });
      const seen = await look(root, "a.txt");
      expect(await moveFile(root, seen, "b.txt")).toMatchObject({
        outcome: "skipped",
        why: expect.stringContaining("taken"),
      });
      expect(await treeOf(root)).toEqual(["a.txt", "b.txt"]);
    }
  });

  test("a source that changed or vanished since it was shown is left alone", async () => {
    const root = await folderWith({ "a.txt": "one", "b.txt": "two" });
    const [a, b] = [await look(root, "a.txt"), await look(root, "b.txt")];
    await writeFile(join(root, "a.txt"), "changed");
    await unlink(join(root, "b.txt"));
    expect(await trashFile(root, a, "run")).toMatchObject({
      outcome: "skipped",
      why: "has changed since you were asked",
    });
    expect(await trashFile(root, b, "run")).toMatchObject({
      outcome: "skipped",
      why: "is not there any more",
    });
    expect(await readFile(join(root, "a.txt"), "utf8")).toBe("changed");
  });

  test("a name that only changes its case", async () => {
    const root = await folderWith({ "a.txt": "one" });
    const seen = await look(root, "a.txt");
    expect(await moveFile(root, seen, "A.txt")).toMatchObject({ outcome: "done" });
    expect(await treeOf(root)).toEqual(["A.txt"]);
  });

  test("nothing leaves the folder or goes through a link", async () => {
    const root = await folderWith({ "a.txt": "one" });
    const outside = await folderWith({ "secret.txt": "secret" });
    await symlink(outside, join(root, "out"));
    await symlink(join(outside, "secret.txt"), join(root, "link.txt"));
    const seen = await look(root, "a.txt");
    for (const to of ["../b.txt", "/tmp/b.txt", "out/b.txt", "sub/../../b.txt", "a\0b", "./b"]) {
      expect(await moveFile(root, seen, to), to).toMatchObject({ outcome: "skipped" });
    }
    for (const path of ["out/secret.txt", "link.txt", "../x", "out"]) {
      await expect(look(root, path), path).rejects.toThrow(/leads|link|not/);
      expect(await deleteFile(root, { ...seen, path }), path).toMatchObject({ outcome: "skipped" });
    }
    expect(await treeOf(outside)).toEqual(["secret.txt"]);
    expect(await treeOf(root)).toContain("a.txt");
  });
});

test("deleting: done, then found done; a changed file stays", async () => {
  const root = await folderWith({ "a.txt": "one", "b.txt": "two" });
  const [a, b] = [await look(root, "a.txt"), await look(root, "b.txt")];
  await writeFile(join(root, "b.txt"), "changed");
  expect(await deleteFile(root, a)).toMatchObject({ outcome: "done" });
  expect(await deleteFile(root, a)).toMatchObject({ outcome: "found_done" });
  expect(await deleteFile(root, b)).toMatchObject({ outcome: "skipped" });
  expect(await treeOf(root)).toEqual(["b.txt"]);
});
