/** A fenced block of a Markdown page. */
export interface CodeBlock {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  /** Marked `addon`: it writes what only a native addon can. */
  readonly needsAddon: boolean;
  readonly code: string;
}

/** The fenced blocks of a page, in order. A fence marked `no-run` after its language is left out. */
export function codeBlocks(page: string, markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const lines = markdown.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const fence = /^```(\w+)(.*)$/.exec(lines[i]!);
    if (fence === null) continue;
    const start = i + 1;
    while (i + 1 < lines.length && lines[i + 1] !== "```") i++;
    i++;
    if (fence[2]!.includes("no-run")) continue;
    const needsAddon = fence[2]!.includes("addon");
    const code = lines.slice(start, i).join("\n");
    blocks.push({ page, line: start, language: fence[1]!, needsAddon, code });
  }
  return blocks;
}

/** What a TypeScript block says it prints: the comment behind each `console.log(...);`. */
export function expectedOutput(code: string): string[] {
  return code
    .split("\n")
    .map((line) => /console\.log\(.*\);\s*\/\/ (.*)$/.exec(line)?.[1])
    .filter((text) => text !== undefined);
}
