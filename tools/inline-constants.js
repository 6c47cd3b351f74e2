// A TypeScript transformer that puts the value in the place of every numeric constant: V8 does not know that an imported
// `const` never changes and would load, check and convert it again at each use.
import ts from 'typescript';

const UNARY = new Map([
  [ts.SyntaxKind.MinusToken, (a) => -a],
  [ts.SyntaxKind.TildeToken, (a) => ~a],
]);
const BINARY = new Map([
  [ts.SyntaxKind.PlusToken, (a, b) => a + b],
  [ts.SyntaxKind.MinusToken, (a, b) => a - b],
  [ts.SyntaxKind.AsteriskToken, (a, b) => a * b],
  [ts.SyntaxKind.SlashToken, (a, b) => a / b],
  [ts.SyntaxKind.AsteriskAsteriskToken, (a, b) => a ** b],
  [ts.SyntaxKind.LessThanLessThanToken, (a, b) => a << b],
  [ts.SyntaxKind.GreaterThanGreaterThanToken, (a, b) => a >> b],
  [ts.SyntaxKind.GreaterThanGreaterThanGreaterThanToken, (a, b) => a >>> b],
  [ts.SyntaxKind.AmpersandToken, (a, b) => a & b],
  [ts.SyntaxKind.BarToken, (a, b) => a | b],
  [ts.SyntaxKind.CaretToken, (a, b) => a ^ b],
]);

/**
 * Constants: `const` variables of a number literal type or with arithmetic of constants as their value, members of enums, and
 * properties of `as const` objects, of namespaces and of `const` objects whose mapped type gives each property its number.
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

  /** The value of an expression of numbers and constants, null for any other. */
  const evaluate = (node) => {
    if (ts.isNumericLiteral(node)) return Number(node.text);
    if (ts.isParenthesizedExpression(node)) return evaluate(node.expression);
    if (ts.isPrefixUnaryExpression(node)) return apply(UNARY.get(node.operator), [node.operand]);
    if (ts.isBinaryExpression(node)) return apply(BINARY.get(node.operatorToken.kind), [node.left, node.right]);
    return ts.isIdentifier(node) || ts.isPropertyAccessExpression(node) ? valueOf(node) : null;
  };

  const apply = (operation, operands) => {
    const values = operands.map(evaluate);
    return operation === undefined || values.includes(null) ? null : operation(...values);
  };

  const computed = new Map();

  /** The value of a `const` variable that is computed from constants. */
  const computedValue = (node) => {
    const declaration = symbolOf(node)?.valueDeclaration;
    if (declaration?.initializer === undefined || !isConstVariable(declaration)) return null;
    if (!computed.has(declaration)) computed.set(declaration, evaluate(declaration.initializer));
    return computed.get(declaration);
  };

  const valueOf = (node) => {
    const type = checker.getTypeAtLocation(node);
    if (type.isNumberLiteral()) return isConstant(node) ? type.value : null;
    return (type.flags & ts.TypeFlags.Number) === 0 ? null : computedValue(node);
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
