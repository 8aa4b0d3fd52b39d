import { describeGrants } from "./grants.suite.ts";

describeGrants("sqlite", 60);
