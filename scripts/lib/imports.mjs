// What a TypeScript file imports, read from its syntax.
import { readFileSync } from "node:fs";
import ts from "typescript";

/**
 * @typedef {{ specifier: string, line: number, kind: "static" | "dynamic" | "type" }} Import
 * `type` is erased at emit. `import { type A } from "x"` is not: verbatimModuleSyntax keeps an empty import of x.
 */

/** @returns {Import[]} */
export function importsOf(path) {
  const file = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
  const found = [];
  const add = (node, literal, kind) => {
    if (!literal || !ts.isStringLiteralLike(literal)) return;
    const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
    found.push({ specifier: literal.text, line, kind });
  };
  const visit = (node) => {
    if (ts.isImportDeclaration(node))
      add(node, node.moduleSpecifier, node.importClause?.isTypeOnly ? "type" : "static");
    else if (ts.isExportDeclaration(node))
      add(node, node.moduleSpecifier, node.isTypeOnly ? "type" : "static");
    else if (ts.isImportTypeNode(node)) add(node, /** @type {any} */ (node.argument).literal, "type");
    else if (ts.isCallExpression(node)) {
      const callee = node.expression.getText(file);
      if (
        node.expression.kind === ts.SyntaxKind.ImportKeyword ||
        /^(require|require\.resolve)$/.test(callee)
      ) {
        add(node, node.arguments[0], "dynamic");
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}
