// Lets a suite import packages from the folder that NODE_MODULES names, wherever the suite itself lies.
import { register } from "node:module";

register("./resolve-hook.mjs", import.meta.url);
