// A TypeScript transformer that puts the value in the place of every numeric constant: V8 does not know that an imported
// `const` never changes and would load, check and convert it again at each use.
import ts from 'typescript';

/**
 * Constants: `const` variables of a number literal type, members of enums, and properties of `as const` objects, of
 * namespaces and of `const` objects whose mapped type gives each property its number.
 */
export function inlineConstants(/** @type {ts.Program} */ program) {
  const checker = program.getTypeChecker();

  const symbolOf = (node) => {
    const symbol = checker.getSymbolAtLocation(node);
    const isAlias = symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0;
    return isAlias ? checker.getAliasedSymbol(symbol) : symbol;
  };

  const isConstVariable = (declaration) =>
    ts.isVariableDeclaration(declaration) && (ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const) !== 0;

  /** `node` is a constant by itself, or the root of a path of properties that are. */
  const isConstant = (node) => {
    const symbol = symbolOf(node);
    const declaration = symbol?.valueDeclaration;
    if (declaration !== undefined && ts.isEnumMember(declaration)) return true;
    if (ts.isPropertyAccessExpression(node)) {
      const isProperty =
        declaration === undefined
          ? symbol !== undefined && checker.getTypeOfSymbol(symbol).isNumberLiteral()
          : ts.isPropertyAssignment(declaration) || isConstVariable(declaration);
      return isProperty && isConstant(node.expression);
    }
    return declaration !== undefined && (ts.isSourceFile(declaration) || isConstVariable(declaration));
  };

  const valueOf = (node) => {
    const type = checker.getTypeAtLocation(node);
    return type.isNumberLiteral() && isConstant(node) ? type.value : null;
  };

  return (context) => (file) => {
    const visit = (node) => {
      if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node;
      const isUse = ts.isPropertyAccessExpression(node) || (ts.isIdentifier(node) && isExpression(node));
      const value = isUse ? valueOf(node) : null;
      return value === null ? ts.visitEachChild(node, visit, context) : literal(value);
    };
    return ts.visitNode(file, visit);
  };
}

/** An identifier that stands for a value, not for a name. */
function isExpression(node) {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isShorthandPropertyAssignment(parent) || ts.isBindingElement(parent)) return false;
  return parent.name !== node;
}

function literal(value) {
  if (value >= 0) return ts.factory.createNumericLiteral(value);
  const negative = ts.factory.createPrefixUnaryExpression(
    ts.SyntaxKind.MinusToken,
    ts.factory.createNumericLiteral(-value),
  );
  return ts.factory.createParenthesizedExpression(negative);
}
