/** Chemical symbols by atomic number; 0 is `X`, the dummy atom. */
export const CHEMICAL_SYMBOLS: readonly string[] = (
  "X H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr " +
  "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu " +
  "Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr " +
  "Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og"
).split(" ");

const NUMBERS = new Map(CHEMICAL_SYMBOLS.map((symbol, number) => [symbol, number]));

/** The atomic number of a symbol written as in the periodic table (`"Cl"`), `undefined` if there is none. */
export function atomicNumberOf(symbol: string): number | undefined {
  return NUMBERS.get(symbol);
}

/** The symbol of an atomic number; numbers without one read `Z119`. */
export function symbolOf(atomicNumber: number): string {
  return CHEMICAL_SYMBOLS[atomicNumber] ?? `Z${atomicNumber}`;
}

/**
 * Composition as ASE writes it: carbon, hydrogen, then the alphabet (`C2H6O`, `HCl`).
 *
 * @see ase 3.29 `ase/formula.py` (`format_hill`): hydrogen comes first also where there is no carbon, unlike Hill's.
 */
export function hillFormula(atomicNumbers: Uint8Array): string {
  const counts = new Map<string, number>();
  for (const number of atomicNumbers) {
    const symbol = symbolOf(number);
    counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  }
  const rank = (symbol: string) => (symbol === "C" ? 0 : symbol === "H" ? 1 : 2);
  return [...counts]
    .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map(([symbol, count]) => symbol + (count === 1 ? "" : count))
    .join("");
}
