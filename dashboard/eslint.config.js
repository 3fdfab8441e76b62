// Style, types and accessibility are Biome's and TypeScript's; this is React's rules alone.

import parser from "@babel/eslint-parser";
import reactHooks from "eslint-plugin-react-hooks";

export default [
  { ignores: ["**/dist/"] },
  {
    ...reactHooks.configs.flat.recommended,
    files: ["**/*.{ts,tsx}"],
    languageOptions: {
      parser,
      parserOptions: {
        requireConfigFile: false,
        babelOptions: {
          babelrc: false,
          configFile: false,
          parserOpts: { plugins: ["typescript", "jsx"] },
        },
      },
    },
    linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: "error" },
  },
];
