import { expect, it } from "vitest";
import * as testing from "../src/index.js";

it("exports what users need, and nothing else", () => {
  expect(Object.keys(testing).sort()).toEqual(["backendContract", "runContract", "sampleRows"]);
});
