/** The instant upstream as a process: `upstream-main.ts PORT`; port 0 takes a free one. Says `port`. */
import { instantUpstream } from "@tandem/libs/testing";

const upstream = await instantUpstream({ listen: Number(process.argv[2] ?? 0) });
process.stdout.write(`${upstream.port}\n`);
