import { describeLedger } from "./suites/all.ts";

describeLedger("pglite");
