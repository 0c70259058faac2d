import { fileURLToPath } from "node:url";
import tseslint from "typescript-eslint";

// What `npm run lint` looks for beside the form, which prettier keeps. The rules know the types of tsconfig.json.
export default tseslint.config(
  { ignores: ["src/store/generated/**", "build/**", "dist/**"] },
  {
    files: ["src/**/*.ts", "test/**/*.ts", "prisma/**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { project: "./tsconfig.json", tsconfigRootDir: fileURLToPath(new URL("..", import.meta.url)) },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      // An async function without await turns a throw into a rejection, which is what its callers expect.
      "@typescript-eslint/require-await": "off",
      // A callback that ignores its event says so by being empty.
      "@typescript-eslint/no-empty-function": "off",
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true, varsIgnorePattern: "^_" }],
      // An empty text counts as none.
      "@typescript-eslint/prefer-nullish-coalescing": ["error", { ignorePrimitives: { string: true } }],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true, allow: ["URL", "URLSearchParams"] },
      ],
      // A file adds its line to a table of types by declaration merging, which only an interface can do.
      "@typescript-eslint/no-empty-object-type": ["error", { allowInterfaces: "always" }],
    },
  },
  {
    // A test reads whatever a server sends, and the assertion after it says what that must be.
    files: ["test/**/*.ts"],
    rules: {
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafePromises: [{ from: "package", package: "@tapjs/core", name: "PromiseWithSubtest" }] },
      ],
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: false }],
      "@typescript-eslint/no-explicit-any": "off",
      "@typescript-eslint/restrict-template-expressions": "off",
      "@typescript-eslint/unbound-method": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
);
