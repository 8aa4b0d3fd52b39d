import { describeGrants } from "./grants.suite.ts";

describeGrants("memory", 200);
