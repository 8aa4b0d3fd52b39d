// Two rules of this project that oxlint has no name for.

/** `export *` hides what a subpath promises and pulls whole folders into an import. */
const noExportStar = {
  create: (context) => ({
    ExportAllDeclaration(node) {
      context.report({ node, message: "Name what is exported: `export { a, type B } from …`." });
    },
  }),
};

// Plain `Error` is left alone: it narrows an unknown, nobody ships a second copy of it.
const OWN = /\w(Error|Suspend|Interrupt|Message|Command|Signal)$/;
const BUILT_IN = /^(AbortSignal|(Aggregate|Eval|Range|Reference|Syntax|Type|URI)Error)$/;

/** Two copies of a package make `instanceof` false for a genuine error. */
const noInstanceofError = {
  create: (context) => ({
    BinaryExpression(node) {
      if (node.operator !== "instanceof") return;
      const right = node.right.type === "MemberExpression" ? node.right.property : node.right;
      const name = right.name ?? "";
      if (!OWN.test(name) || BUILT_IN.test(name)) return;
      const message = `Use a predicate that looks at the code or the brand, such as is${name}(): instanceof fails across copies of a package.`;
      context.report({ node, message });
    },
  }),
};

export default {
  meta: { name: "holdpoint" },
  rules: { "no-export-star": noExportStar, "no-instanceof-error": noInstanceofError },
};
