import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { traj } from "@stowage/ase";
import { isStowageError, memoryStore, type NdArray, openStore, type RowStore, toAsync } from "@stowage/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { datasetStatistics } from "../packages/cli/src/dataset-statistics.js";
import { matchingIndices } from "../packages/cli/src/matching-rows.js";
import { parseQuery } from "../packages/cli/src/query/parse-query.js";
import { rowFilter } from "../packages/cli/src/query/row-filter.js";
import { openPeer, type Peer } from "./peer.js";
import { temporaryFolder } from "./temporary-folder.js";

const seed = Number(process.env.STOWAGE_SEED ?? Math.floor(Math.random() * 2 ** 31));

let peer: Peer;
beforeAll(() => {
  console.log(`ase-db: seed ${seed}`);
  peer = openPeer("current");
});
afterAll(() => peer?.close());

/** Ids as a database has them, from 1; `null` where the query is refused. */
async function weSelect(store: RowStore, query: string): Promise<number[] | null> {
  const ids: number[] = [];
  try {
    const filter = rowFilter(parseQuery(query), await store.schema(), "rows.traj");
    for await (const found of matchingIndices(store, { filter }))
      ids.push(...found.map((index) => index + 1));
  } catch (error) {
    if (isStowageError(error, "ERR_OPTION")) return null;
    throw error;
  }
  return ids;
}

/** What people write, and what hardly anybody does. */
const QUERIES = `
3; 007; 301; id=3; id>=290,id<295; id!=5; id<=3.5
H; Cu; X; Cu2; H2O; CuCl; (OH)2; 2H2O; H+O; CH3(CH2)2OH; C0; HH
Cu>=2; Cu=0; H<2; H<=0; H!=1; Cu>0,Cu<3; 0<Cu<3; 1<=H<=2; Au=1,H=0; H>-1
formula=H2O; formula=OH2; formula=CuH; formula=H; formula=2H2
natoms<5; natoms=1; 3<natoms<=6; 2<=natoms<4; natoms!=3; natoms>1e1; natoms>1_0; natoms<inf
energy; energy<0; energy=0.1; energy!=0.1; -0.5<energy<0.5; energy>=.5; energy<nan; energy!=nan; energy=True; energy>-inf
fmax; smax; fmax<1.5; 1<=fmax<2; fmax!=0; fmax=0; smax>1; constraints; constraints,fmax<2
magmom=2; magmom!=2; charge=0; charge!=0; charge<-0.5
mass<40; 20<mass<60; mass>=1.008; mass!=1.008; volume<10; volume>0; volume!=1
pbc=TTT; pbc!=FFF; pbc=FTF
gap; -gap; gap,-step; gap<0; gap=0.3; gap=True; step=2; step=2.0; -1<=step<2; step!=0
flag; flag=True; flag=False; flag=1; flag<1; flag=true
name; -name; name=water; name!=water; name<b; name>=Wasser; name=a b; name=水; name<～; name>～; name=1; name!=1; name=
gap=water; step<abc; name=Zn; energy<0,natoms<6,H; energy<0 , natoms<6; energy<0,,natoms<6; energy<0,; Cu,-name,flag=True
energy=abc; natoms=few; natoms=0x3; Cu=two; formula!=H2O; formula=h2o; formula=Qq; a=b=c; 1<2<3<natoms; pbc<TTT
`
  .split(/[;\n]/)
  .map((query) => query.trim());

/** Refused here: ASE takes a misspelt pbc or name for one that no row has, and texts for larger than any number. */
const REFUSED = ["pbc=TT", "nmae=water", "nmae", "mass<abc", "age<1d", "3<4"];

test("a query selects what a database of ASE selects", async () => {
  const folder = temporaryFolder();
  await peer.call("ase_db", "write", { folder, seed, count: 300 });
  const call = { path: path.join(folder, "rows.db"), queries: QUERIES };
  const expected = (await peer.call("ase_db", "select", call)) as (number[] | null)[];
  const store = await openStore(path.join(folder, "rows.traj"), { backend: traj });
  const answers = await Promise.all(
    QUERIES.map(async (query, i) => ({ query, ours: await weSelect(store, query), ase: expected[i] })),
  );
  expect(answers.filter(({ ours, ase }) => !isDeepStrictEqual(ours, ase))).toEqual([]);
  for (const query of REFUSED) expect(await weSelect(store, query), query).toBe(null);
  await store.close();
  // Were most answers empty, or all rows, equality would say little.
  expect(expected.filter((ids) => ids !== null && ids.length > 0 && ids.length < 300).length).toBeGreaterThan(
    60,
  );
});

interface Statistics {
  values: NdArray<"float64">;
  mean: number;
  std: number;
  quantiles: number[];
}

test("statistics are those of NumPy", async () => {
  const cases = (await peer.call("ase_db", "statistics", { seed })) as Statistics[];
  expect(cases.length).toBeGreaterThan(0);
  for (const expected of cases) {
    const { values } = expected;
    const rows = toAsync(memoryStore([{ values }]));
    const { keys } = await datasetStatistics(rows, { keys: ["values"], maxBins: 0 });
    const { mean, std, quantiles } = keys[0]!.numbers!;
    const spread = Math.max(...values.data) - Math.min(...values.data);
    expect(Math.abs(mean! - expected.mean)).toBeLessThanOrEqual(1e-12 * spread + 2 ** -52 * Math.abs(mean!));
    expect(Math.abs(std! - expected.std)).toBeLessThanOrEqual(1e-12 * spread);
    expect(quantiles.map(({ value }) => value)).toEqual(expected.quantiles);
  }
});
