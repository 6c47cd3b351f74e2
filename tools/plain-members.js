// A TypeScript transformer that makes ordinary members of #private ones, which TypeScript has seen to: V8 checks at each access to
// a #private member that the object has it, and begins each #private field as `undefined`, so that it never learns what the field
// holds.
import ts from 'typescript';

/** Gives each #private member its name with a $ in place of the #, and behind the name of the class if that extends another. */
export function plainMembers(/** @type {ts.Program} */ program) {
  const checker = program.getTypeChecker();

  const nameOf = (node) => {
    const declaration = checker.getSymbolAtLocation(node)?.valueDeclaration;
    if (declaration === undefined) throw new Error(`${node.text} is a member of no class`);
    const { heritageClauses, name } = declaration.parent;
    const extending = heritageClauses?.some(({ token }) => token === ts.SyntaxKind.ExtendsKeyword) ?? false;
    return node.text.replace('#', extending ? `${name.text}$` : '$');
  };

  return (context) => (file) => {
    const visit = (node) => {
      if (!ts.isPrivateIdentifier(node)) return ts.visitEachChild(node, visit, context);
      if (ts.isBinaryExpression(node.parent))
        throw new Error(`${node.text} in ... asks for a member that is private no more`);
      return ts.factory.createIdentifier(nameOf(node));
    };
    return ts.visitNode(file, visit);
  };
}
