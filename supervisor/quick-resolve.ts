import { registerHooks } from "node:module";

/**
 * Spares most imports their way through the file system. Node asks of each whether the file is
 * there, where links on the way lead, and what the nearest package.json says of its kind. None of
 * that can surprise where a module names the file beside it: `.ts` is a module of ours, and `.js`
 * named by one of a package's modules is another one of them. (`.mjs` may name either kind.) Files
 * that are links themselves would be taken for two; there are none.
 */
export function resolveQuickly(): void {
  const modules = new Set<string>();
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const { parentURL } = context;
      if (parentURL !== undefined && specifier.startsWith(".")) {
        if (specifier.endsWith(".ts")) return beside(parentURL, specifier, "module-typescript");
        if (specifier.endsWith(".js") && modules.has(parentURL)) {
          const found = beside(parentURL, specifier, "module");
          modules.add(found.url);
          return found;
        }
      }
      const found = nextResolve(specifier, context);
      if (found.format === "module" && found.url.endsWith(".js")) modules.add(found.url);
      return found;
    },
  });
}

function beside(
  parentURL: string,
  specifier: string,
  format: string,
): { readonly url: string; readonly format: string; readonly shortCircuit: true } {
  return { url: new URL(specifier, parentURL).href, format, shortCircuit: true };
}
