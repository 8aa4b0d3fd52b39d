import { describeGrants } from "./grants.suite.ts";

describeGrants("redis", 40);
