/** Dense matrices as rows. Small (a handful of equations), so clarity counts, not speed. */
export type Matrix = readonly (readonly number[])[];

/** Pivots below this share of the largest entry count as zero. */
const RANK_TOLERANCE = 1e-9;

export function multiply(a: Matrix, b: Matrix): number[][] {
  return a.map((row) =>
    (b[0] ?? []).map((_, column) =>
      dot(
        row,
        b.map((other) => other[column]),
      ),
    ),
  );
}

export function transpose(a: Matrix): number[][] {
  return (a[0] ?? []).map((_, column) => a.map((row) => row[column]));
}

export function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * b[index], 0);
}

/** Rank by Gaussian elimination with full pivoting of rows. */
export function rank(matrix: Matrix): number {
  const rows = matrix.map((row) => [...row]);
  const largest = Math.max(0, ...rows.flat().map(Math.abs));
  let found = 0;
  for (let column = 0; column < (rows[0]?.length ?? 0) && found < rows.length; column++) {
    if (eliminate(rows, found, column) > RANK_TOLERANCE * largest) found++;
  }
  return found;
}

/** Brings the largest pivot of `column` to row `at` and clears the column below; returns the pivot's size. */
function eliminate(rows: number[][], at: number, column: number): number {
  let best = at;
  for (let row = at + 1; row < rows.length; row++) {
    if (Math.abs(cell(rows, row, column)) > Math.abs(cell(rows, best, column))) best = row;
  }
  const pivotRow = rows[best];
  rows[best] = rows[at];
  rows[at] = pivotRow;
  const pivot = pivotRow[column];
  if (pivot === 0) return 0;
  for (let row = at + 1; row < rows.length; row++) {
    const factor = cell(rows, row, column) / pivot;
    rows[row] = rows[row].map((value, index) => value - factor * pivotRow[index]);
  }
  return Math.abs(pivot);
}

function cell(rows: readonly number[][], row: number, column: number): number {
  return rows[row][column];
}

/** Solves the square system `a x = b`; null when it is singular. */
export function solve(a: Matrix, b: readonly number[]): number[] | null {
  const rows = a.map((row, index) => [...row, b[index]]);
  const size = a.length;
  const largest = Math.max(0, ...a.flat().map(Math.abs));
  for (let column = 0; column < size; column++) {
    if (eliminate(rows, column, column) <= RANK_TOLERANCE * largest) return null;
  }
  const x = new Array<number>(size).fill(0);
  for (let row = size - 1; row >= 0; row--) {
    const known = dot(rows[row].slice(0, size), x);
    x[row] = (cell(rows, row, size) - known) / cell(rows, row, row);
  }
  return x;
}
