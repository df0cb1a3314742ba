import { defineConfig } from "vitepress";

export default defineConfig({
  title: "Stowage",
  description:
    "Pack, map and ship scientific datasets in TypeScript, on the bytes your Python tools already have.",
  cleanUrls: true,
  lastUpdated: false,
  srcExclude: ["test/**"],
  themeConfig: {
    nav: [
      { text: "Guide", link: "/start" },
      { text: "Packages", link: "/packages/core" },
    ],
    sidebar: [
      {
        text: "Guide",
        items: [
          { text: "Start here", link: "/start" },
          { text: "What each format keeps", link: "/losses" },
          { text: "Errors", link: "/errors" },
          { text: "Measurements", link: "/measurements" },
        ],
      },
      {
        text: "Packages",
        items: [
          { text: "@stowage/core", link: "/packages/core" },
          { text: "@stowage/mmap", link: "/packages/mmap" },
          { text: "@stowage/atp", link: "/packages/atp" },
          { text: "@stowage/ase", link: "/packages/ase" },
          { text: "@stowage/lmdb", link: "/packages/lmdb" },
          { text: "@stowage/testing", link: "/packages/testing" },
          { text: "stowage (command line)", link: "/packages/cli" },
        ],
      },
    ],
    outline: { level: [2, 3] },
    search: { provider: "local" },
  },
});
