import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const installed = pathToFileURL(join(process.env.NODE_MODULES, "..", "package.json")).href;

export function resolve(specifier, context, next) {
  const local = specifier.startsWith(".") || specifier.startsWith("/") || specifier.includes(":");
  if (local || createRequire(installed).resolve.paths(specifier) === null) return next(specifier, context);
  const fromInstalled = context.parentURL?.includes("/node_modules/") ? context.parentURL : installed;
  return next(specifier, { ...context, parentURL: fromInstalled });
}
