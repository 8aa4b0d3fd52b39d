// The declarations as a user's compiler sees them.
import { writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import ts from "typescript";
import { manifest, specifierOf, subpaths } from "./subpaths.mjs";

const RESOLUTIONS = {
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
};

function compile(folder, which, resolution) {
  const file = join(folder, "consumer.ts");
  const imports = which.map(
    (subpath, i) => `import * as m${i} from "${specifierOf(subpath)}";\nexport { m${i} };`,
  );
  writeFileSync(file, `${imports.join("\n")}\n`);
  return ts.createProgram([file], {
    ...RESOLUTIONS[resolution],
    target: ts.ScriptTarget.ES2023,
    lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts", "lib.dom.d.ts"],
    types: ["node"],
    typeRoots: [join(folder, "node_modules/@types")],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
  });
}

/** Only our files count: LangChain's declarations have errors of their own. */
function isOurs(folder, path) {
  const inside = path
    .split("/")
    .join(sep)
    .slice(folder.length + 1);
  return !inside.startsWith("node_modules") || inside.startsWith(join("node_modules", manifest.name) + sep);
}

/** Type-checks a consumer that imports these subpaths, in both resolutions. */
export function checkTypes(folder, which, situation, problems) {
  for (const resolution of Object.keys(RESOLUTIONS)) {
    const program = compile(folder, which, resolution);
    const wrong = ts
      .getPreEmitDiagnostics(program)
      .filter(({ file }) => !file || isOurs(folder, file.fileName));
    for (const diagnostic of wrong) {
      const { file, start, messageText } = diagnostic;
      const at = file
        ? `${file.fileName.slice(folder.length + 1)}:${file.getLineAndCharacterOfPosition(start).line + 1}: `
        : "";
      problems.push(
        `types, ${resolution}, ${situation}: ${at}${ts.flattenDiagnosticMessageText(messageText, "\n    ")}`,
      );
    }
  }
}

/** The exported names of every subpath: those that exist at run time, and those that are types only. */
export function exportedNames(folder) {
  const program = compile(folder, subpaths, "nodenext");
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(join(folder, "consumer.ts"));
  const names = {};
  const declarations = source.statements.filter(ts.isImportDeclaration);
  for (const [i, subpath] of subpaths.entries()) {
    const module = checker.getSymbolAtLocation(declarations[i].moduleSpecifier);
    const values = [];
    const types = [];
    for (const symbol of module ? checker.getExportsOfModule(module) : []) {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      const typeOnly = symbol.declarations?.some(
        (node) => ts.isExportSpecifier(node) && ts.isTypeOnlyImportOrExportDeclaration(node),
      );
      (target.flags & ts.SymbolFlags.Value && !typeOnly ? values : types).push(symbol.name);
    }
    names[subpath] = { values: values.toSorted(), types: types.toSorted() };
  }
  return names;
}
